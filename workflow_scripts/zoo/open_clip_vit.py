"""Adapter for the visual tower of an open_clip model (its own VisionTransformer class)."""

from __future__ import annotations

import torch
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from workflow_scripts.zoo.coverage import layer_scale, multihead_parts, require
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.vit import BlockParts, Vit

ADAPTER = "open_clip_vit"


def adapt(model: nn.Module, normalisation: Normalisation) -> Vit:
    """Return the `Vit` of an open_clip visual tower whose weights are in place.

    Raises:
        AtlasError: the tower is of another class (some are timm models: use their adapter), or has parts that this
            adapter does not compute.
    """
    require(isinstance(model, VisionTransformer), ADAPTER, f"visual tower is a {type(model).__name__}")
    require(model.attn_pool is None, ADAPTER, "the final norm comes after attention pooling")
    blocks = [_parts(block) for block in model.transformer.resblocks]

    def reference(images: Tensor) -> Tensor:
        outputs = model.forward_intermediates(
            images,
            indices=1,
            normalize_intermediates=True,
            intermediates_only=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        return torch.cat([outputs["image_intermediates_prefix"][-1], outputs["image_intermediates"][-1]], dim=1)

    return Vit(
        dim=model.conv1.out_channels,
        n_heads=blocks[0].n_heads,
        patch=tuple(model.patch_size),
        image_size=tuple(model.image_size),
        grid=tuple(model.grid_size),
        n_prefix=1,
        normalisation=normalisation,
        device=model.conv1.weight.device,
        dtype=model.conv1.weight.dtype,
        convolution=model.conv1,
        embed=model._embeds,
        blocks=blocks,
        final_norm=model.ln_post,
        reference=reference,
    )


def _parts(block: nn.Module) -> BlockParts:
    require(type(block) is ResidualAttentionBlock, ADAPTER, f"block is a {type(block).__name__}")
    weight, bias = multihead_parts(block.attn, ADAPTER)
    return BlockParts(
        norm1=block.ln_1,
        qkv_weight=weight,
        qkv_bias=bias,
        n_heads=block.attn.num_heads,
        project=block.attn.out_proj,
        scale1=layer_scale(block.ls_1, ADAPTER),
        norm2=block.ln_2,
        mlp=block.mlp,
        scale2=layer_scale(block.ls_2, ADAPTER),
    )
