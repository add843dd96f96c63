"""Adapter for torchvision's VisionTransformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.vision_transformer import EncoderBlock, VisionTransformer

from workflow_scripts.zoo.coverage import multihead_parts, require
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.vit import BlockParts, Vit

ADAPTER = "torchvision_vit"


def adapt(model: nn.Module, normalisation: Normalisation) -> Vit:
    """Return the `Vit` of a torchvision VisionTransformer whose weights are in place.

    Raises:
        AtlasError: the model is of another class, or has parts that this adapter does not compute.
    """
    require(isinstance(model, VisionTransformer), ADAPTER, f"model is a {type(model).__name__}")
    blocks = [_parts(block) for block in model.encoder.layers]
    side = model.image_size // model.patch_size

    def embed(images: Tensor) -> Tensor:
        x = model._process_input(images)
        x = torch.cat([model.class_token.expand(x.shape[0], -1, -1), x], dim=1)
        return x + model.encoder.pos_embedding

    def reference(images: Tensor) -> Tensor:
        seen: list[Tensor] = []
        hook = model.encoder.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        try:
            model(images)
        finally:
            hook.remove()
        return seen[0]

    return Vit(
        dim=model.hidden_dim,
        n_heads=blocks[0].n_heads,
        patch=(model.patch_size, model.patch_size),
        image_size=(model.image_size, model.image_size),
        grid=(side, side),
        n_prefix=1,
        normalisation=normalisation,
        device=model.class_token.device,
        dtype=model.class_token.dtype,
        convolution=model.conv_proj,
        embed=embed,
        blocks=blocks,
        final_norm=model.encoder.ln,
        reference=reference,
    )


def _parts(block: nn.Module) -> BlockParts:
    require(type(block) is EncoderBlock, ADAPTER, f"block is a {type(block).__name__}")
    weight, bias = multihead_parts(block.self_attention, ADAPTER)
    return BlockParts(
        norm1=block.ln_1,
        qkv_weight=weight,
        qkv_bias=bias,
        n_heads=block.num_heads,
        project=block.self_attention.out_proj,
        scale1=None,
        norm2=block.ln_2,
        mlp=block.mlp,
        scale2=None,
    )
