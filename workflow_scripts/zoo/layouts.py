"""The official checkpoint layouts: from the record in a file to a flat state dict in the names of the network.

A layout is two steps. `unwrap` finds the tensors in the training record and strips what wraps their names; `rename`
turns the names (and, for JAX files, the shapes) into those of the network. Between the two the caller drops the
declared keys, so that an entry's `drop` speaks of the names in the file. A key that no step knows keeps its name, and
stops the load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import _convert_openai_clip
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.registry import ModelEntry

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """One checkpoint layout.

    Attributes:
        containers: keys under which the tensors may be found, first match wins; a plain state dict has none.
        prefixes: what may stand before the names, stripped where it matches.
        rename: from names in the file to names of the network.
    """

    containers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    rename: Callable[[StateDict, ModelEntry], StateDict] = lambda state, _entry: state

    def unwrap(self, content: Any) -> StateDict:
        """Return the tensors of a file's content under their names in the file, without container and prefix.

        Raises:
            AtlasError: there is no mapping from names to tensors where this layout has it.
        """
        for key in self.containers:
            if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
                content = content[key]
                break
        if not isinstance(content, Mapping) or not content:
            raise AtlasError("holds no mapping from names to tensors")
        state = {}
        for name, value in content.items():
            if not isinstance(value, Tensor | np.ndarray):
                kind = type(value).__name__
                raise AtlasError(f"'{name}' is a {kind}, not a tensor; found keys {_some(content)}")
            prefix = next((p for p in self.prefixes if str(name).startswith(p)), "")
            state[str(name)[len(prefix) :]] = torch.as_tensor(value)
        return state


def _some(names: Mapping[Any, Any]) -> str:
    listed = [str(name) for name in names]
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _rename_openai_clip(state: StateDict, entry: ModelEntry) -> StateDict:
    """Turn the visual tower's names into timm's, or strip ``visual.`` for open_clip; other names stay as they are."""
    tower = {name: value for name, value in state.items() if name.startswith("visual.")}
    others = {name: value for name, value in state.items() if name not in tower}
    if entry.build.library == "timm":
        return {**_convert_openai_clip(tower, model=None), **others}
    return {**{name.removeprefix("visual."): value for name, value in tower.items()}, **others}


_JAX_NAMES = {
    "cls": "cls_token",
    "embedding": "patch_embed.proj",
    "head": "head",
    "pre_logits": "pre_logits.fc",
    "Transformer/posembed_input/pos_embedding": "pos_embed",
    "Transformer/encoder_norm": "norm",
}
_JAX_BLOCK_NAMES = {
    "LayerNorm_0": "norm1",
    "LayerNorm_2": "norm2",
    "MlpBlock_3/Dense_0": "mlp.fc1",
    "MlpBlock_3/Dense_1": "mlp.fc2",
    "MultiHeadDotProductAttention_1/out": "attn.proj",
}
_JAX_QKV = "MultiHeadDotProductAttention_1"


def _rename_augreg_npz(state: StateDict, entry: ModelEntry) -> StateDict:
    """Turn the JAX names and axis orders of Google's ViT files into timm's, fusing query, key and value.

    timm's own reader copies into the model key by key, so a key too many or a broadcast shape would pass unseen.
    """
    renamed: StateDict = {}
    for name, value in state.items():
        block = re.fullmatch(r"Transformer/encoderblock_(\d+)/(.+)", name)
        if block and block[2].startswith(_JAX_QKV) and block[2].split("/")[1] in ("query", "key", "value"):
            continue
        names, stem = (_JAX_BLOCK_NAMES, block[2]) if block else (_JAX_NAMES, name)
        module, _, leaf = stem.rpartition("/")
        scope = f"blocks.{block[1]}." if block else ""
        if stem in names:
            renamed[scope + names[stem]] = value
        elif module in names and leaf in ("kernel", "scale", "bias"):
            weight = _jax_kernel(value) if leaf == "kernel" else value
            renamed[f"{scope}{names[module]}.{'bias' if leaf == 'bias' else 'weight'}"] = weight
        else:
            renamed[name] = value
    for index in range(entry.layers):
        scope = f"Transformer/encoderblock_{index}/{_JAX_QKV}/"
        for leaf, fused in (("kernel", "weight"), ("bias", "bias")):
            parts = [state.get(f"{scope}{facet}/{leaf}") for facet in ("query", "key", "value")]
            if any(part is None for part in parts):
                continue
            for part in parts:
                if part.ndim < 2 or part.shape[-2] != entry.heads:
                    raise AtlasError(
                        f"'{scope}query/{leaf}' has shape {tuple(part.shape)}, the entry states {entry.heads} heads"
                    )
            joined = [p.flatten(-2) for p in parts]
            renamed[f"blocks.{index}.attn.qkv.{fused}"] = torch.cat([p.T if p.ndim == 2 else p for p in joined])
    return renamed


def _jax_kernel(kernel: Tensor) -> Tensor:
    if kernel.ndim == 4:  # convolution: rows, columns, in, out
        return kernel.permute(3, 2, 0, 1)
    if kernel.ndim == 3:  # attention output: heads, head width, out
        return kernel.flatten(0, 1).T
    return kernel.T


LAYOUTS: dict[str, Layout] = {
    "timm": Layout(containers=("state_dict", "model")),
    "augreg_npz": Layout(rename=_rename_augreg_npz),
    "openai_clip": Layout(containers=("state_dict",), prefixes=("module.",), rename=_rename_openai_clip),
    # The teacher is the network that DINO evaluates and publishes; backbone files are plain.
    "dino": Layout(containers=("teacher", "state_dict"), prefixes=("module.backbone.", "backbone.", "module.")),
    "mocov3": Layout(containers=("state_dict",), prefixes=("module.base_encoder.",)),
    "mae": Layout(containers=("model",)),
    "beit": Layout(containers=("model", "module")),
    "torchvision": Layout(),
}
