"""Adapter for timm's VisionTransformer: AugReg, CLIP in timm, DINO, MoCo-v3, MAE, iBOT, DINOv2, DeiT-III, ..."""

from __future__ import annotations

from timm.layers import Attention
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn

from workflow_scripts.zoo.coverage import layer_scale, require
from workflow_scripts.zoo.normalisation import Normalisation
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

    return Vit(
        dim=model.embed_dim,
        n_heads=blocks[0].n_heads,
        patch=tuple(model.patch_embed.patch_size),
        image_size=tuple(model.patch_embed.img_size),
        grid=tuple(model.patch_embed.grid_size),
        n_prefix=model.num_prefix_tokens,
        normalisation=normalisation,
        device=model.patch_embed.proj.weight.device,
        dtype=model.patch_embed.proj.weight.dtype,
        embed=embed,
        blocks=blocks,
        final_norm=model.norm,
        reference=model.forward_features,
    )


def require_final_norm(model: nn.Module, adapter: str) -> None:
    """Refuse a timm model that normalises after pooling only: it has no final norm for its tokens."""
    require(
        not isinstance(model.norm, nn.Identity),
        adapter,
        "the model has no final norm over tokens (timm moves it behind average pooling); "
        "add 'global_pool: token' to build.arguments if the checkpoint has norm.*",
    )


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
