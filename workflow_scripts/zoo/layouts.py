"""The official checkpoint layouts: from the record in a file to a flat state dict in the names of the network.

A layout is two steps. `unwrap` finds the tensors in the training record and strips what wraps their names; `rename`
turns the names (and, for JAX files, the shapes) into those of the network. Between the two the caller drops the
declared keys, so that an entry's `drop` speaks of the names in the file. A key that no step knows keeps its name, and
stops the load.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from timm.models.vision_transformer import _convert_openai_clip
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.positions import sincos
from workflow_scripts.zoo.registry import Network
from workflow_scripts.zoo.unseen import Unseen
from workflow_scripts.zoo.wrappers import inner_records, is_tensor, plain_name

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """One checkpoint layout.

    Attributes:
        containers: keys under which the tensors may be found, first match wins; a plain state dict has none.
        prefixes: what may stand before the names, stripped where it matches.
        rename: from names in the file to names of the network.
        unseen: from names in the file, and what is to be built, to what is known of the facts that have no weights. Where a
            layout is that of one published code, they are those of that code.
    """

    containers: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    rename: Callable[[StateDict, Network], StateDict] = lambda state, _entry: state
    unseen: Callable[[Collection[str], Network], Unseen] = lambda _names, _entry: _VIT

    def unwrap(self, content: Any) -> StateDict:
        """Return the tensors of a file's content under their names in the file, without container and prefix.

        Raises:
            AtlasError: there is no mapping from names to tensors where this layout has it.
        """
        for key in self.containers:
            if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
                content = content[key]
                break
        content = _innermost(content)
        state = {}
        for name, value in content.items():
            if not is_tensor(value):
                kind = type(value).__name__
                raise AtlasError(f"'{name}' is a {kind}, not a tensor; found keys {_some(content)}")
            plain = plain_name(str(name))
            prefix = next((p for p in self.prefixes if plain.startswith(p)), "")
            short = plain.removeprefix(prefix)
            if short in state:
                raise AtlasError(f"'{name}' and another key both stand for '{short}'; found keys {_some(content)}")
            state[short] = _tensor(short, value)
        return state


def _innermost(content: Any) -> Mapping[Any, Any]:
    """Return the mapping with tensors in it: `content`, or the one record of a known name in it."""
    if not isinstance(content, Mapping):
        raise AtlasError(f"holds a {type(content).__name__}, not a mapping from names to tensors")
    if any(map(is_tensor, content.values())):
        return content
    records = dict(inner_records(content))
    if len(records) > 1:
        found = " and ".join(f"'{'.'.join(words)}'" for words in records)
        raise AtlasError(
            f"holds tensors under {found}, and this layout does not say which; save one of them as a file of its own"
        )
    if not records:
        found = f"; found keys {_some(content)}" if content else ""
        raise AtlasError(f"holds no tensors{found}; name the file of the weights")
    return next(iter(records.values()))


def _tensor(name: str, value: Tensor | np.ndarray) -> Tensor:
    if isinstance(value, Tensor):
        return value
    if value.dtype.kind not in "fiub":
        raise AtlasError(f"'{name}' is of type {value.dtype}, which no network has; drop it, or get the file again")
    return torch.as_tensor(value.astype(value.dtype.newbyteorder("="), copy=False))


def _some(names: Mapping[Any, Any]) -> str:
    listed = [str(name) for name in names]
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _rename_openai_clip(state: StateDict, entry: Network) -> StateDict:
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


def _rename_augreg_npz(state: StateDict, entry: Network) -> StateDict:
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


def _renamer(*rules: tuple[str, str]) -> Callable[[StateDict, Network], StateDict]:
    """Return a renaming by regular expressions, each given with its replacement; the first that matches counts."""

    def renamed(name: str) -> str:
        for pattern, replacement in rules:
            if re.search(pattern, name):
                return re.sub(pattern, replacement, name)
        return name

    return lambda state, _entry: {renamed(name): value for name, value in state.items()}


_LAYER_SCALE = (r"^(blocks\.\d+)\.gamma_([12])$", r"\1.ls\2.gamma")
_rename_dinov2_names = _renamer(
    (r"^register_tokens$", "reg_token"),
    (r"^(blocks\.\d+\.mlp)\.w12\.", r"\1.fc1."),
    (r"^(blocks\.\d+\.mlp)\.w3\.", r"\1.fc2."),
)
_rename_dinov3_names = _renamer(
    (r"^storage_tokens$", "reg_token"),
    (r"^(blocks\.\d+)\.ls([12])\.gamma$", r"\1.gamma_\2"),
)


def _rename_dinov2(state: StateDict, entry: Network) -> StateDict:
    """Turn DINOv2's names into timm's.

    Where there are registers, timm has no position for CLS: the first row of the table goes into the CLS token.
    """
    renamed = _rename_dinov2_names(state, entry)
    if "register_tokens" in state and {"cls_token", "pos_embed"} <= state.keys():
        table = renamed["pos_embed"]
        renamed["cls_token"] = renamed["cls_token"] + table[:, :1]
        renamed["pos_embed"] = table[:, 1:]
    return renamed


def _rename_dinov3(state: StateDict, entry: Network) -> StateDict:
    """Turn DINOv3's names into those of timm's Eva, checking what that network has no place for.

    The key part of the qkv bias is masked in the original, so it is left out. Query and value parts are zero in the
    released B and L files, and timm's networks have none but under the names with ``_qkvb``. The periods of the RoPE
    are a constant that the adapter computes; a file with others is of another network.
    """
    renamed: StateDict = {}
    for name, value in _rename_dinov3_names(state, entry).items():
        if name == "rope_embed.periods":
            _require_periods(value, name)
        elif name.endswith(".attn.qkv.bias"):
            query, _, values = value.chunk(3)
            if "_qkvb" in str(entry.build.name):
                scope = name.removesuffix("qkv.bias")
                renamed |= {f"{scope}q_bias": query, f"{scope}v_bias": values}
            elif bool(query.any() or values.any()):
                raise AtlasError(
                    f"'{name}' is not zero, and build '{entry.build.name}' has no such bias; build its '_qkvb' variant"
                )
        else:
            renamed[name] = value
    return renamed


def _require_periods(periods: Tensor, name: str) -> None:
    n = periods.numel()
    expected = 100.0 ** (torch.arange(n, dtype=torch.float32) / n)
    # To the precision of bfloat16, in which the released files hold them.
    if not torch.allclose(periods.float(), expected, rtol=2**-8, atol=0.0):
        raise AtlasError(f"'{name}' is not the RoPE of DINOv3 (base 100), so this network would compute something else")


_SCALEMAE_SIDE = 224  # of the images it was trained at, in pixels


def _rename_scalemae(state: StateDict, entry: Network) -> StateDict:
    """Put the positions that Scale-MAE computes in its forward in place of the table in the file, which it never uses.

    Images of another size than it was trained at are taken to be those shrunk or enlarged: half the pixels a side are twice the
    ground a pixel (Reed et al. 2023, in the released evaluation by k-NN).
    """
    rows, columns = (size // patch for size, patch in zip(entry.image_shape, entry.patch_shape, strict=True))
    resolution = entry.checkpoint.input_resolution * _SCALEMAE_SIDE / min(entry.image_shape)
    return {**state, "pos_embed": sincos(entry.dim, (rows, columns), resolution)}


# torchvision renamed the layers of its MLP after it had released weights; its own loader takes both names, and so does this.
_rename_torchvision = _renamer((r"\.mlp\.linear_1\.", ".mlp.0."), (r"\.mlp\.linear_2\.", ".mlp.3."))

_EXACT, _ANY_GELU = frozenset({"gelu"}), frozenset({"gelu", "gelu_tanh"})
_VIT = Unseen(_EXACT, frozenset({1e-6}))


def _gated_unseen(epsilon: float) -> Callable[[Collection[str], Network], Unseen]:
    """DINOv2 and DINOv3: GELU, and SiLU in the gated MLPs of their largest networks, which are known by their names."""

    def unseen(names: Collection[str], _entry: Network) -> Unseen:
        gated = any(re.search(r"\.mlp\.w\d", name) for name in names)
        return Unseen(frozenset({"silu"} if gated else {"gelu"}), frozenset({epsilon}))

    return unseen


def _openai_unseen(names: Collection[str], _entry: Network) -> Unseen:
    """OpenAI's own files say so by three numbers among the tensors; of others of these names both activations exist."""
    own = {"input_resolution", "context_length", "vocab_size"} <= set(names)
    return Unseen(frozenset({"quick_gelu"} if own else {"gelu", "quick_gelu"}), frozenset({1e-5}))


def _timm_unseen(_names: Collection[str], entry: Network) -> Unseen:
    """Timm has OpenAI's weights under names of networks with GELU too, which were made for fine-tuning them."""
    if str(entry.build.name).endswith(".openai"):
        return Unseen(frozenset({"quick_gelu"}), frozenset({1e-5}))
    return Unseen()


_BACKBONE = ("module.backbone.", "backbone.", "module.")

LAYOUTS: dict[str, Layout] = {
    "timm": Layout(containers=("state_dict", "model"), unseen=_timm_unseen),
    # Trained with GELU by tanh, which is what JAX calls GELU; PyTorch's ports, also the studies', have the exact one.
    "augreg_npz": Layout(rename=_rename_augreg_npz, unseen=lambda _names, _entry: Unseen(_ANY_GELU, frozenset({1e-6}))),
    # Also OpenCLIP's, which kept the names.
    "openai_clip": Layout(("state_dict",), ("module.",), _rename_openai_clip, _openai_unseen),
    # The teacher is the network that DINO and iBOT evaluate and publish; backbone files hold it alone.
    "dino": Layout(containers=("teacher", "state_dict"), prefixes=_BACKBONE),
    "ibot": Layout(containers=("teacher", "state_dict"), prefixes=_BACKBONE),
    "mugs": Layout(containers=("state_dict",), prefixes=_BACKBONE),
    "mocov3": Layout(containers=("state_dict",), prefixes=("module.base_encoder.",)),
    "mae": Layout(containers=("model",)),
    "scalemae": Layout(containers=("model",), rename=_rename_scalemae),
    "beit": Layout(containers=("model", "module")),
    "simmim": Layout(containers=("model",), prefixes=("encoder.",)),
    "deit3": Layout(containers=("model",), rename=_renamer(_LAYER_SCALE)),
    "dinov2": Layout(rename=_rename_dinov2, unseen=_gated_unseen(1e-6)),
    "dinov3": Layout(rename=_rename_dinov3, unseen=_gated_unseen(1e-5)),
    "torchvision": Layout(rename=_rename_torchvision),
}
