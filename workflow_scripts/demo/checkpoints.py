"""From the demo's networks to the parameter names and shapes of official checkpoints."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from workflow_scripts.common.atomic import atomic_path


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `state` with every float tensor in half precision, as OpenAI publishes CLIP: half the room in a repository."""
    return {name: value.half() if value.is_floating_point() else value for name, value in state.items()}


def save_torch(path: Path, content: dict) -> None:
    """Write `content` with `torch.save`, whole or not at all; state dicts in it are written in half precision.

    It goes through memory: given a file name, torch writes that name into the file, and the temporary name is random.
    """
    buffer = io.BytesIO()
    torch.save(_halved_within(content), buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def _halved_within(content: dict) -> dict:
    inner = {name: _halved_within(value) for name, value in content.items() if isinstance(value, dict)}
    return content | inner | halved({name: value for name, value in content.items() if isinstance(value, Tensor)})


def save_npz(path: Path, arrays: dict[str, NDArray]) -> None:
    """Write float `arrays` in half precision as one .npz file, whole or not at all."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **{name: array.astype(np.float16) for name, array in arrays.items()})


def cpu_state(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """Return the state of `module` on the CPU, every name preceded by `prefix`."""
    return {f"{prefix}{name}": value.detach().cpu().clone() for name, value in module.state_dict().items()}


def flax_vit(vit: nn.Module, head: nn.Linear) -> dict[str, NDArray]:
    """Return a timm ViT and its classifier under the names and shapes of Google's AugReg files.

    Kernels are (in, out); those of query, key and value (in, heads, head width), that of the output
    (heads, head width, out); the patch embedding is (row, column, channel, out).
    """
    state = {name: value.numpy() for name, value in cpu_state(vit).items()}
    heads = vit.blocks[0].attn.num_heads
    out = {
        "cls": state["cls_token"],
        "embedding/kernel": state["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": state["patch_embed.proj.bias"],
        "Transformer/posembed_input/pos_embedding": state["pos_embed"],
        "Transformer/encoder_norm/scale": state["norm.weight"],
        "Transformer/encoder_norm/bias": state["norm.bias"],
        "head/kernel": head.weight.detach().cpu().numpy().T,
        "head/bias": head.bias.detach().cpu().numpy(),
    }
    for index in range(len(vit.blocks)):
        ours, theirs = f"blocks.{index}.", f"Transformer/encoderblock_{index}/"
        attention = f"{theirs}MultiHeadDotProductAttention_1/"
        weights = np.split(state[f"{ours}attn.qkv.weight"], 3)
        biases = np.split(state[f"{ours}attn.qkv.bias"], 3)
        for name, weight, bias in zip(("query", "key", "value"), weights, biases, strict=True):
            out[f"{attention}{name}/kernel"] = weight.T.reshape(len(weight), heads, -1)
            out[f"{attention}{name}/bias"] = bias.reshape(heads, -1)
        weight = state[f"{ours}attn.proj.weight"]
        out[f"{attention}out/kernel"] = weight.T.reshape(heads, -1, len(weight))
        out[f"{attention}out/bias"] = state[f"{ours}attn.proj.bias"]
        for norm, name in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            out[f"{theirs}{name}/scale"] = state[f"{ours}{norm}.weight"]
            out[f"{theirs}{name}/bias"] = state[f"{ours}{norm}.bias"]
        for layer, name in (("fc1", "Dense_0"), ("fc2", "Dense_1")):
            out[f"{theirs}MlpBlock_3/{name}/kernel"] = state[f"{ours}mlp.{layer}.weight"].T
            out[f"{theirs}MlpBlock_3/{name}/bias"] = state[f"{ours}mlp.{layer}.bias"]
    return {name: np.ascontiguousarray(array) for name, array in out.items()}


_CLIP_NAMES = (
    (r"^cls_token$", "class_embedding"),
    (r"^pos_embed$", "positional_embedding"),
    (r"^patch_embed\.proj\.", "conv1."),
    (r"^norm_pre\.", "ln_pre."),
    (r"^norm\.", "ln_post."),
    (r"^blocks\.", "transformer.resblocks."),
    (r"\.norm(\d)\.", r".ln_\1."),
    (r"\.attn\.qkv\.", ".attn.in_proj_"),
    (r"\.attn\.proj\.", ".attn.out_proj."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)


def openai_visual(vit: nn.Module, projection: Tensor) -> dict[str, Tensor]:
    """Return a timm CLIP ViT and its [width, out] projection under the `visual.` names of OpenAI's files."""
    out = {"visual.proj": projection.detach().cpu().clone()}
    for name, value in cpu_state(vit).items():
        if name in ("cls_token", "pos_embed"):
            value = value.reshape(-1) if name == "cls_token" else value[0]
        for pattern, replacement in _CLIP_NAMES:
            name = re.sub(pattern, replacement, name)
        out[f"visual.{name}"] = value
    return out
