"""Adapter for timm's Beit class: BEiT, BEiT v2, SimMIM; relative position bias per block or shared."""

from __future__ import annotations

import torch
from timm.models.beit import Attention, Beit, Block
from torch import Tensor, nn

from workflow_scripts.zoo.coverage import joined_bias, require
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.timm_parts import require_final_norm, timm_facts
from workflow_scripts.zoo.vit import BlockParts, Vit

ADAPTER = "timm_beit"


def adapt(model: nn.Module, normalisation: Normalisation) -> Vit:
    """Return the `Vit` of a timm Beit whose weights are in place.

    Raises:
        AtlasError: the model is of another class, or has parts that this adapter does not compute.
    """
    require(isinstance(model, Beit), ADAPTER, f"model is a {type(model).__name__}")
    require_final_norm(model, ADAPTER)
    with torch.no_grad():
        # One table for all blocks, expanded once: it is the same for every image.
        shared = None if model.rel_pos_bias is None else model.rel_pos_bias()
    blocks = [_parts(block, shared) for block in model.blocks]

    def embed(images: Tensor) -> Tensor:
        x = model.patch_embed(images)
        x = torch.cat((model.cls_token.expand(x.shape[0], -1, -1), x), dim=1)
        return x if model.pos_embed is None else x + model.pos_embed

    return Vit(n_heads=blocks[0].n_heads, embed=embed, blocks=blocks, **timm_facts(model, normalisation))


def _parts(block: nn.Module, shared: Tensor | None) -> BlockParts:
    require(type(block) is Block, ADAPTER, f"block is a {type(block).__name__}")
    attn = block.attn
    require(type(attn) is Attention, ADAPTER, f"attention is a {type(attn).__name__}")
    require(not attn.qkv_bias_separate, ADAPTER, "the qkv bias is added separately")
    own_table = attn.relative_position_bias_table is not None

    def attention_bias() -> Tensor:
        if not own_table:
            return shared
        own = attn._get_rel_pos_bias()
        return own if shared is None else own + shared

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
        attention_bias=attention_bias if own_table or shared is not None else None,
    )
