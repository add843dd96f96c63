"""Adapter for timm's Eva class: DINOv3, and other pre-norm Eva models with a fused qkv projection."""

from __future__ import annotations

import torch
from timm.layers import apply_rot_embed_cat
from timm.models.eva import Eva, EvaAttention, EvaBlock
from torch import Tensor, nn

from workflow_scripts.zoo.coverage import joined_bias, require
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.timm_parts import require_final_norm, timm_facts
from workflow_scripts.zoo.vit import BlockParts, Vit

ADAPTER = "timm_eva"


def adapt(model: nn.Module, normalisation: Normalisation) -> Vit:
    """Return the `Vit` of a timm Eva whose weights are in place.

    Rounds the RoPE periods of a DINOv3 in place, see `_round_periods`.

    Raises:
        AtlasError: the model is of another class, or has parts that this adapter does not compute.
    """
    require(isinstance(model, Eva), ADAPTER, f"model is a {type(model).__name__}")
    require(not model.rope_mixed, ADAPTER, "RoPE differs per layer (rope_mixed)")
    require_final_norm(model, ADAPTER)
    _round_periods(model)
    weight = model.patch_embed.proj.weight
    image_size = tuple(model.patch_embed.img_size)
    with torch.no_grad():
        blank = torch.zeros(1, 3, *image_size, device=weight.device, dtype=weight.dtype)
        # The same for every image of this size: taken once instead of being recomputed in every forward.
        _, rope = model._pos_embed(model.patch_embed(blank))
    blocks = [_parts(block, rope) for block in model.blocks]

    def embed(images: Tensor) -> Tensor:
        x, _ = model._pos_embed(model.patch_embed(images))
        return model.norm_pre(x)

    return Vit(n_heads=blocks[0].n_heads, embed=embed, blocks=blocks, **timm_facts(model, normalisation))


def _round_periods(model: nn.Module) -> None:
    """Round the RoPE periods of a DINOv3 to bfloat16 values, as the released weights hold them.

    timm recomputes the periods in float32, which moves the outputs by about 3e-4 against the original model. Done at
    every adaption, because timm rebuilds them whenever a model changes its precision.
    """
    architecture = (getattr(model, "pretrained_cfg", None) or {}).get("architecture") or ""
    if "dinov3" in architecture:
        periods = model.rope.periods
        with torch.no_grad():
            periods.copy_(periods.to(torch.bfloat16))


def _parts(block: nn.Module, rope: Tensor | None) -> BlockParts:
    require(type(block) is EvaBlock, ADAPTER, f"block is a {type(block).__name__}")
    attn = block.attn
    require(type(attn) is EvaAttention, ADAPTER, f"attention is a {type(attn).__name__}")
    require(attn.qkv is not None, ADAPTER, "query, key and value have separate projections")
    require(not attn.qkv_bias_separate, ADAPTER, "the qkv bias is added separately")
    for part in ("q_norm", "k_norm", "norm"):
        require(isinstance(getattr(attn, part), nn.Identity), ADAPTER, f"attention has a {part}")
    require(attn.gate is None, ADAPTER, "attention has a gate")

    def rotate(tokens: Tensor) -> Tensor:
        prefix, patches = tokens.split([attn.num_prefix_tokens, tokens.shape[2] - attn.num_prefix_tokens], dim=2)
        return torch.cat([prefix, apply_rot_embed_cat(patches, rope, half=attn.rotate_half)], dim=2)

    return BlockParts(
        norm1=block.norm1,
        qkv_weight=attn.qkv.weight,
        qkv_bias=joined_bias(attn),
        n_heads=attn.num_heads,
        project=attn.proj,
        scale1=block.gamma_1,
        norm2=block.norm2,
        mlp=block.mlp,
        scale2=block.gamma_2,
        rotate=None if rope is None else rotate,
    )
