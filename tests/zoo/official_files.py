"""Checkpoint files in the names, shapes and wrappings of the official releases, written from a library's network.

Written apart from the loader, from the published formats, with what the releases leave in beside the network.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from workflow_scripts.zoo.registry import ModelEntry

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class Official:
    """One release's file.

    Attributes:
        names: the network's tensors under their names in the file, with what else the file holds.
        wrap: the record around them.
        norm: name in the file of the final norm's weight.
    """

    names: Callable[[nn.Module], StateDict]
    wrap: Callable[[StateDict], Any] = lambda state: state
    norm: str = "norm.weight"

    def write(self, state: StateDict, path: Path) -> None:
        """Write what `names` gave, by the suffix of `path`."""
        if path.suffix == ".npz":
            np.savez(path, **{name: value.detach().numpy() for name, value in state.items()})
        elif path.suffix == ".safetensors":
            save_file({name: value.detach().contiguous() for name, value in state.items()}, path)
        else:
            torch.save(self.wrap(state), path)


def network(model: nn.Module) -> StateDict:
    """Return the network's own tensors under its own names."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def filler(*shape: int) -> Tensor:
    """Return a tensor of an official shape that takes no room in a file."""
    return torch.zeros(()).expand(shape)


def with_noise(*names: str) -> StateDict:
    """Return tensors that no network takes."""
    return {name: torch.randn(3, 2) for name in names}


def prefixed(state: StateDict, prefix: str) -> StateDict:
    """Return `state` with `prefix` before every name."""
    return {prefix + name: value for name, value in state.items()}


def renamed(state: StateDict, *rules: tuple[str, str]) -> StateDict:
    """Return `state` with its names changed by regular expressions."""
    out = {}
    for name, value in state.items():
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        out[name] = value
    return out


def augreg_names(model: nn.Module) -> StateDict:
    """Google's JAX names: kernels transposed, heads an axis of their own, query, key and value apart."""
    heads = model.blocks[0].attn.num_heads
    out = {
        "cls": model.cls_token,
        "embedding/kernel": model.patch_embed.proj.weight.permute(2, 3, 1, 0),
        "embedding/bias": model.patch_embed.proj.bias,
        "Transformer/posembed_input/pos_embedding": model.pos_embed,
        "Transformer/encoder_norm/scale": model.norm.weight,
        "Transformer/encoder_norm/bias": model.norm.bias,
        "head/kernel": torch.randn(model.embed_dim, 10),
        "head/bias": torch.randn(10),
        "pre_logits/kernel": torch.randn(4, 4),
        "pre_logits/bias": torch.randn(4),
    }
    for index, block in enumerate(model.blocks):
        scope = f"Transformer/encoderblock_{index}/"
        attention = scope + "MultiHeadDotProductAttention_1/"
        facets = zip(("query", "key", "value"), block.attn.qkv.weight.chunk(3), block.attn.qkv.bias.chunk(3), strict=True)
        for facet, weight, bias in facets:
            out[f"{attention}{facet}/kernel"] = weight.T.reshape(model.embed_dim, heads, -1)
            out[f"{attention}{facet}/bias"] = bias.reshape(heads, -1)
        out[attention + "out/kernel"] = block.attn.proj.weight.T.reshape(heads, -1, model.embed_dim)
        out[attention + "out/bias"] = block.attn.proj.bias
        for name, norm in (("LayerNorm_0", block.norm1), ("LayerNorm_2", block.norm2)):
            out[f"{scope}{name}/scale"], out[f"{scope}{name}/bias"] = norm.weight, norm.bias
        for name, linear in (("Dense_0", block.mlp.fc1), ("Dense_1", block.mlp.fc2)):
            out[f"{scope}MlpBlock_3/{name}/kernel"], out[f"{scope}MlpBlock_3/{name}/bias"] = linear.weight.T, linear.bias
    return out


_TEXT_TOWER = ("transformer.resblocks.0.attn.in_proj_weight", "token_embedding.weight", "ln_final.bias")


def openai_names(model: nn.Module) -> StateDict:
    """The visual tower of OpenAI's CLIP, from timm's network, with the text tower beside it."""
    out = {
        "visual.class_embedding": model.cls_token[0, 0],
        "visual.positional_embedding": model.pos_embed[0],
        "visual.conv1.weight": model.patch_embed.proj.weight,
        "visual.proj": torch.randn(model.embed_dim, 32),
        "visual.ln_pre.weight": model.norm_pre.weight,
        "visual.ln_pre.bias": model.norm_pre.bias,
        "visual.ln_post.weight": model.norm.weight,
        "visual.ln_post.bias": model.norm.bias,
        "positional_embedding": torch.randn(77, 8),
        "text_projection": torch.randn(8, 32),
        "logit_scale": torch.tensor(4.6),
        "input_resolution": torch.tensor(64),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
        **with_noise(*_TEXT_TOWER),
    }
    for index, block in enumerate(model.blocks):
        scope = f"visual.transformer.resblocks.{index}."
        out[scope + "attn.in_proj_weight"] = block.attn.qkv.weight
        out[scope + "attn.in_proj_bias"] = block.attn.qkv.bias
        modules = {"attn.out_proj": block.attn.proj, "ln_1": block.norm1, "ln_2": block.norm2}
        modules |= {"mlp.c_fc": block.mlp.fc1, "mlp.c_proj": block.mlp.fc2}
        for name, module in modules.items():
            out[f"{scope}{name}.weight"], out[f"{scope}{name}.bias"] = module.weight, module.bias
    return {name: value.detach().clone() for name, value in out.items()}


def open_clip_names(model: nn.Module) -> StateDict:
    """A whole OpenCLIP model, from open_clip's visual tower."""
    text = {
        "positional_embedding": filler(77, 512).clone(),
        "text_projection": torch.zeros(4, 4),
        "logit_scale": torch.ones(()),
    }
    projection = {"visual.proj": torch.zeros(model.conv1.out_channels, 8)}
    return {**prefixed(network(model), "visual."), **projection, **text, **with_noise(*_TEXT_TOWER)}


def mocov3_names(model: nn.Module) -> StateDict:
    """A training file: the network, its momentum copy, both with their projectors, and the predictor."""
    state = network(model)
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    extra = with_noise("module.base_encoder.head.0.weight", "module.base_encoder.head.1.running_mean")
    extra |= with_noise("module.momentum_encoder.head.0.weight", "module.predictor.0.weight")
    return {**prefixed(state, "module.base_encoder."), **prefixed(other, "module.momentum_encoder."), **extra}


def mae_decoder(width: int, rows: int, patch: int) -> StateDict:
    """MAE's decoder as released: 8 blocks of width 512, whatever the encoder's `width`."""
    state = {
        "mask_token": filler(1, 1, 512),
        "decoder_pos_embed": filler(1, rows * rows + 1, 512),
        "decoder_embed.weight": filler(512, width),
        "decoder_embed.bias": filler(512),
        "decoder_norm.weight": filler(512),
        "decoder_norm.bias": filler(512),
        "decoder_pred.weight": filler(patch * patch * 3, 512),
        "decoder_pred.bias": filler(patch * patch * 3),
    }
    shapes = {"norm1": (512,), "attn.qkv": (1536, 512), "attn.proj": (512, 512)}
    shapes |= {"norm2": (512,), "mlp.fc1": (2048, 512), "mlp.fc2": (512, 2048)}
    for index in range(8):
        for name, shape in shapes.items():
            state[f"decoder_blocks.{index}.{name}.weight"] = filler(*shape)
            state[f"decoder_blocks.{index}.{name}.bias"] = filler(shape[0])
    return state


def mae_full_names(model: nn.Module) -> StateDict:
    """``mae_pretrain_*_full``: the encoder with its decoder."""
    patch = model.patch_embed.patch_size[0]
    return {**network(model), **mae_decoder(model.embed_dim, model.patch_embed.grid_size[0], patch)}


def beit_names(model: nn.Module) -> StateDict:
    """BEiT before fine-tuning: one table of relative positions, its index, the mask token and the head over visual words."""
    width = model.embed_dim
    extra = {"mask_token": filler(1, 1, width), "lm_head.weight": filler(8192, width), "lm_head.bias": filler(8192)}
    extra["rel_pos_bias.relative_position_index"] = model.rel_pos_bias.relative_position_index
    return {**network(model), **extra}


def simmim_names(model: nn.Module) -> StateDict:
    """SimMIM: BEiT's layout under ``encoder.`` and one convolution as decoder."""
    index = {"rel_pos_bias.relative_position_index": model.rel_pos_bias.relative_position_index}
    encoder = {**network(model), "mask_token": filler(1, 1, model.embed_dim), **index}
    decoder = {"decoder.0.weight": filler(768, model.embed_dim, 1, 1), "decoder.0.bias": filler(768)}
    return {**prefixed(encoder, "encoder."), **decoder}


class CfgNode(dict):
    """As in the package yacs, under whose name `simmim_record` pickles it: a dictionary with attributes."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__({key: CfgNode(value) if isinstance(value, dict) else value for key, value in content.items()})
        self.__dict__.update(__immutable__=True, __deprecated_keys__=set(), __renamed_keys__={}, __new_allowed__=False)


CfgNode.__module__ = "yacs.config"


@contextmanager
def yacs() -> Iterator[None]:
    """Make the package yacs exist while a file is written."""
    package, module = types.ModuleType("yacs"), types.ModuleType("yacs.config")
    module.CfgNode = CfgNode
    sys.modules |= {"yacs": package, "yacs.config": module}
    try:
        yield
    finally:
        del sys.modules["yacs"], sys.modules["yacs.config"]


class SimMim(Official):
    """SimMIM's trainer also keeps the optimizer and a configuration of a class that loading must not need."""

    def write(self, state: StateDict, path: Path) -> None:
        """Write the file with yacs there, as its owners did."""
        with yacs():
            super().write(state, path)


def simmim_record(state: StateDict) -> dict[str, Any]:
    """Return what SimMIM's trainer saves."""
    config = CfgNode({"MODEL": {"TYPE": "vit", "VIT": {"DEPTH": 12}}, "TRAIN": {"BASE_LR": 1e-4, "SIZES": [192, 224]}})
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    return {"model": state, "optimizer": optimizer, "max_accuracy": 0.0, "epoch": 799, "config": config}


def mugs_names(model: nn.Module) -> StateDict:
    """Mugs: the backbone and its relation blocks."""
    return {**network(model), **with_noise("relation_blocks.0.norm1.weight", "relation_blocks.0.attn.qkv.weight")}


def scalemae_names(model: nn.Module) -> StateDict:
    """The copy of torchgeo, encoder only; the table of positions in it is never used, so it may be anything."""
    return {**network(model), "pos_embed": torch.randn(model.pos_embed.shape)}


def scalemae_full_names(model: nn.Module) -> StateDict:
    """The owners' file: a lighter decoder than MAE's, with a pyramid and two heads."""
    extra = ("mask_token_decoder", "fpn.fpn1.0.weight", "fcn_high.convs.0.0.weight", "fcn_low.final.0.bias")
    return {**scalemae_names(model), **mae_decoder(model.embed_dim, 14, 16), **with_noise(*extra)}


def deit3_names(model: nn.Module) -> StateDict:
    """DeiT-III: layer scale as parameters of the block, and the classifier."""
    head = {"head.weight": filler(1000, model.embed_dim), "head.bias": filler(1000)}
    return {**renamed(network(model), (r"\.ls(\d)\.gamma$", r".gamma_\1")), **head}


def dinov2_names(model: nn.Module) -> StateDict:
    """DINOv2: SwiGLU as w12 and w3, registers under another name, and a position of CLS even beside registers.

    timm has no such position for a network with registers, so it is drawn here and added to the network's CLS token.
    """
    state = network(model)
    if type(model.blocks[0].mlp).__name__ != "Mlp":
        state = renamed(state, (r"\.mlp\.fc1\.", ".mlp.w12."), (r"\.mlp\.fc2\.", ".mlp.w3."))
    if "reg_token" in state:
        state["register_tokens"] = state.pop("reg_token")
        position = torch.randn_like(state["cls_token"])
        state["pos_embed"] = torch.cat([position, state["pos_embed"]], dim=1)
        model.cls_token.data.add_(position)
    return {**state, "mask_token": filler(1, model.embed_dim)}


def dinov3_names(model: nn.Module) -> StateDict:
    """DINOv3 as its owners send it: a qkv bias whose key part is masked away, and the periods of the RoPE in bfloat16."""
    state = renamed(network(model), (r"^reg_token$", "storage_tokens"), (r"\.gamma_(\d)$", r".ls\1.gamma"))
    width = model.embed_dim
    for index in range(len(model.blocks)):
        scope = f"blocks.{index}.attn."
        query, value = (state.pop(f"{scope}{part}_bias", torch.zeros(width)) for part in "qv")
        state[f"{scope}qkv.bias"] = torch.cat([query, torch.randn(width), value])
        state[f"{scope}qkv.bias_mask"] = torch.cat([torch.ones(width), torch.zeros(width), torch.ones(width)])
    quarter = width // model.blocks[0].attn.num_heads // 4
    periods = 100.0 ** (2 * torch.arange(quarter, dtype=torch.float32) / (2 * quarter))
    return {**state, "mask_token": filler(1, width), "rope_embed.periods": periods.bfloat16()}


def torchvision_names(model: nn.Module) -> StateDict:
    """ViT-B/16 when torchvision released it: the MLP's layers had names."""
    head = {"heads.head.weight": filler(1000, model.hidden_dim), "heads.head.bias": filler(1000)}
    return {**renamed(network(model), (r"\.mlp\.0\.", ".mlp.linear_1."), (r"\.mlp\.3\.", ".mlp.linear_2.")), **head}


def timm_names(model: nn.Module) -> StateDict:
    """Copies of timm on the hub, those of CLIP with their projection."""
    is_clip = not isinstance(getattr(model, "norm_pre", nn.Identity()), nn.Identity)
    return {**network(model), **(with_noise("head.weight") if is_clip else {})}


def _training_file(state: StateDict) -> dict[str, Any]:
    return {"epoch": 300, "arch": "vit_small", "state_dict": state, "optimizer": {}, "scaler": {"scale": 65536.0}}


def _with_arguments(state: StateDict) -> dict[str, Any]:
    return {"model": state, "args": argparse.Namespace(mask_ratio=0.75, model="vit"), "epoch": 800}


OFFICIAL: dict[str, Official] = {
    "timm": Official(timm_names),
    "augreg_npz": Official(augreg_names, norm="Transformer/encoder_norm/scale"),
    "openai_clip": Official(open_clip_names, norm="visual.ln_post.weight"),
    "dino": Official(network),
    "ibot": Official(network, lambda state: {"state_dict": state}),
    "mugs": Official(mugs_names, lambda state: {"state_dict": state}),
    "mocov3": Official(mocov3_names, _training_file, "module.base_encoder.norm.weight"),
    "mae": Official(network, lambda state: {"model": state}),
    "scalemae": Official(scalemae_names),
    "beit": Official(beit_names, lambda state: {"model": state}),
    "simmim": SimMim(simmim_names, simmim_record, "encoder.norm.weight"),
    "deit3": Official(deit3_names, lambda state: {"model": state}),
    "dinov2": Official(dinov2_names),
    "dinov3": Official(dinov3_names),
    "torchvision": Official(torchvision_names, norm="encoder.ln.weight"),
}
"""The file that a layout is declared for, by layout."""

FULL = {
    "mae": Official(mae_full_names, _with_arguments),
    "scalemae": Official(scalemae_full_names, _with_arguments),
}
"""Files with decoder that load through the same entries."""


def shrunk(entry: ModelEntry) -> ModelEntry:
    """Return the entry with the same architecture in small: 2 layers of 3 heads of 16, on 3 x 3 patches.

    torchvision's constructors fix width and depth; there only the image is smaller.
    """
    image_size = 3 * entry.patch
    if entry.build.library == "torchvision":
        return dataclasses.replace(entry, image_size=image_size)
    small = {"embed_dim": 48, "depth": 2, "num_heads": 3}
    if entry.build.library == "open_clip":
        small = {"width": 48, "layers": 2, "head_width": 16}
    build = dataclasses.replace(entry.build, arguments={**entry.build.arguments, **small})
    return dataclasses.replace(entry, layers=2, heads=3, dim=48, image_size=image_size, build=build)
