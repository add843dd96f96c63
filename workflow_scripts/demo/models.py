"""The tiny ViTs of the demo zoo: their size, their networks as timm builds them, and their forward in training."""

from __future__ import annotations

import timm
import torch
import torch.nn.functional as F
from lightly.models.utils import get_2d_sine_cosine_positional_embedding
from timm.data import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_INCEPTION_MEAN,
    IMAGENET_INCEPTION_STD,
    OPENAI_CLIP_MEAN,
    OPENAI_CLIP_STD,
)
from torch import Tensor, nn

GRID, PATCH, WIDTH, HEADS, DEPTH, REGISTERS = 12, 5, 64, 4, 8, 4
IMAGE, PATCHES = GRID * PATCH, GRID * GRID
SMALL = 8 * PATCH  # side of the small images of the first part of a training
_SIZE = {
    "img_size": IMAGE,
    "patch_size": PATCH,
    "embed_dim": WIDTH,
    "depth": DEPTH,
    "num_heads": HEADS,
    "num_classes": 0,
}
# What BEiT publishes for its base size. DINOv2's 1e-5 is made for a million steps: here no block would leave it.
LAYER_SCALE = 0.1
_HALF = (IMAGENET_INCEPTION_MEAN, IMAGENET_INCEPTION_STD)
_IMAGENET = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
NORMALISATION: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "fs": _HALF,
    "clip": (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
    "dino": _IMAGENET,
    "mocov3": _IMAGENET,
    "ibot": _IMAGENET,
    "dinov2reg": _IMAGENET,
    "mae": _IMAGENET,
    "beit": _HALF,
    "untrained": _HALF,
}


def plain_vit() -> nn.Module:
    """Return the plain tiny ViT (timm VisionTransformer, 60 px, patch 5, width 64, depth 8, 4 heads)."""
    return timm.create_model("vit_tiny_patch16_224", **_SIZE)


def clip_vit() -> nn.Module:
    """Return the visual tower of CLIP in the tiny size: pre-norm, no patch bias, QuickGELU."""
    return timm.create_model("vit_base_patch16_clip_quickgelu_224", **_SIZE)


def register_vit() -> nn.Module:
    """Return the tiny ViT of DINOv2 with four registers, which have no position, and LayerScale."""
    return timm.create_model("vit_small_patch14_reg4_dinov2", **_SIZE, init_values=LAYER_SCALE)


def beit_vit() -> nn.Module:
    """Return the tiny BEiT: one relative position bias shared by all blocks, no position embedding."""
    return timm.create_model(
        "beit_base_patch16_224",
        **_SIZE,
        use_rel_pos_bias=False,
        use_shared_rel_pos_bias=True,
        global_pool="token",
        init_values=LAYER_SCALE,
    )


def sine_positions(width: int) -> Tensor:
    """Return the [1, 1 + 144, width] sine-cosine position table of MoCo-v3 and MAE, its CLS row zero."""
    table = get_2d_sine_cosine_positional_embedding(embed_dim=width, grid_size=GRID, cls_token=True)
    return torch.as_tensor(table, dtype=torch.float32)[None]


@torch.no_grad()
def fix_positions(vit: nn.Module) -> None:
    """Put the sine-cosine table in place of the learned one, for good, as MoCo-v3 and MAE do."""
    vit.pos_embed.copy_(sine_positions(WIDTH))
    vit.pos_embed.requires_grad_(False)


@torch.no_grad()
def xavier(vit: nn.Module, apart: bool) -> None:
    """Start blocks and patch embedding from Xavier's uniform spread, as Google's ViT, MoCo-v3 and MAE do.

    Args:
        vit: a plain ViT.
        apart: query, key and value as a matrix each (ViT, MoCo-v3), not as one (MAE).
    """
    for name, parameter in vit.blocks.named_parameters():
        if parameter.ndim == 2:
            for matrix in parameter.chunk(3) if apart and "qkv" in name else (parameter,):
                nn.init.xavier_uniform_(matrix)
    nn.init.xavier_uniform_(vit.patch_embed.proj.weight.view(WIDTH, -1))


@torch.no_grad()
def places_apart(vit: nn.Module) -> None:
    """Start the learned position table from the sine-cosine one, so that places differ from the first step."""
    vit.pos_embed.copy_(sine_positions(WIDTH)[:, -vit.pos_embed.shape[1] :])


@torch.no_grad()
def clip_start(vit: nn.Module) -> None:
    """Start the visual tower as OpenAI's CLIP does: spreads by width and depth."""
    wide, deep = WIDTH**-0.5, (2 * DEPTH) ** -0.5
    for block in vit.blocks:
        nn.init.normal_(block.attn.qkv.weight, std=wide)
        nn.init.normal_(block.attn.proj.weight, std=wide * deep)
        nn.init.normal_(block.mlp.fc1.weight, std=(2 * WIDTH) ** -0.5)
        nn.init.normal_(block.mlp.fc2.weight, std=wide * deep)
    for table in (vit.cls_token, vit.pos_embed):
        nn.init.normal_(table, std=wide)


@torch.no_grad()
def spread_as_at(width: int, vit: nn.Module) -> None:
    """Scale the matrices of the blocks, started with a spread of 0.02 for that `width`, to what it is at ours.

    A sum over 64 inputs is smaller than one over `width`: without this, tokens hardly hear of each other at the start.
    """
    for parameter in vit.blocks.parameters():
        if parameter.ndim == 2:
            parameter *= (width / WIDTH) ** 0.5


def patches_of(images: Tensor) -> Tensor:
    """Return [B, 144, 75] patches (channel, row, column within each) of images [B, 3, 60, 60], row by row."""
    grid = images.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)
    return grid.permute(0, 2, 3, 1, 4, 5).reshape(len(images), PATCHES, -1)


def some_patches(count: int, patches: int, share: float, device: torch.device) -> Tensor:
    """Return [count, share of patches] int64: random patch numbers, drawn for each image by itself, in rising order."""
    order = torch.rand(count, patches, device=device).argsort(1)
    return order[:, : round(share * patches)].sort(1).values


def gather(tokens: Tensor, kept: Tensor) -> Tensor:
    """Return [B, n, width] of tokens [B, N, width]: those numbered `kept` [B, n]."""
    return tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))


def encode(
    vit: nn.Module, images: Tensor, kept: Tensor | None, masked: Tensor | None = None, mask_token: Tensor | None = None
) -> Tensor:
    """Return the normalised tokens of the last block, prefix tokens first.

    Args:
        vit: a plain, CLIP or register ViT.
        images: [B, 3, S, S] normalised as the method does; for S other than 60, positions are interpolated.
        kept: [B, n] numbers of the patches that enter the network; None: all.
        masked: [B, n] bool, which of these have `mask_token` [1, 1, width] in place of their content; None: none.
        mask_token: see `masked`.

    Returns:
        [B, prefix tokens + n, width].
    """
    patches = vit.patch_embed.proj(images).flatten(2).transpose(1, 2)
    table = vit.pos_embed
    own = table.shape[1] - PATCHES  # rows of the table that belong to prefix tokens
    places = _resampled(table[:, own:], images.shape[-1] // PATCH).expand(len(images), -1, -1)
    if kept is not None:
        patches, places = gather(patches, kept), gather(places, kept)
    if masked is not None:
        patches = torch.where(masked[..., None], mask_token.to(patches.dtype), patches)
    prefix = vit.cls_token + (table[:, :own] if own else 0)
    if getattr(vit, "reg_token", None) is not None:
        prefix = torch.cat([prefix, vit.reg_token], 1)
    x = torch.cat([prefix.expand(len(images), -1, -1), patches + places], 1)
    return vit.norm(vit.blocks(vit.norm_pre(x)))


def _resampled(places: Tensor, side: int) -> Tensor:
    """Return the positions [1, 144, width] of a 12 x 12 grid for one of side x side, bilinear."""
    if side == GRID:
        return places
    grid = places.transpose(1, 2).unflatten(2, (GRID, GRID))
    return F.interpolate(grid, (side, side), mode="bilinear", align_corners=False).flatten(2).transpose(1, 2)
