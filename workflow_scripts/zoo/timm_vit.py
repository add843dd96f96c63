"""Adapter for timm's VisionTransformer: AugReg, CLIP in timm, DINO, MoCo-v3, MAE, iBOT, DINOv2, DeiT-III, ..."""

from __future__ import annotations

from timm.layers import Attention
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from workflow_scripts.zoo.coverage import layer_scale, require
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.timm_parts import require_final_norm, timm_facts
from workflow_scripts.zoo.vit import BlockParts, Vit

ADAPTER = "timm_vit"


def adapt(model: nn.Module, normalisation: Normalisation) -> Vit:
    """Return the `Vit` of a timm VisionTransformer whose weights are in place.

    Raises:
        AtlasError: the model is of another class, or has parts that this adapter does not compute.
    """
    require(isinstance(model, VisionTransformer), ADAPTER, f"model is a {type(model).__name__}")
    require_final_norm(model, ADAPTER)
    blocks = [_parts(block) for block in model.blocks]

    def embed(images: Tensor) -> Tensor:
        return model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(images))))

    return Vit(n_heads=blocks[0].n_heads, embed=embed, blocks=blocks, **timm_facts(model, normalisation))


def _parts(block: nn.Module) -> BlockParts:
    require(type(block) is Block, ADAPTER, f"block is a {type(block).__name__}")
    attn = block.attn
    require(type(attn) is Attention, ADAPTER, f"attention is a {type(attn).__name__}")
    for part in ("q_norm", "k_norm", "norm"):
        require(isinstance(getattr(attn, part), nn.Identity), ADAPTER, f"attention has a {part}")
    require(attn.gate is None, ADAPTER, "attention has a gate")
    return BlockParts(
        norm1=block.norm1,
        qkv_weight=attn.qkv.weight,
        qkv_bias=attn.qkv.bias,
        n_heads=attn.num_heads,
        project=attn.proj,
        scale1=layer_scale(block.ls1, ADAPTER),
        norm2=block.norm2,
        mlp=block.mlp,
        scale2=layer_scale(block.ls2, ADAPTER),
    )
