"""The tiny ViTs of the demo zoo, and the start that lets them learn within a minute."""

from __future__ import annotations

import timm
import torch
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

GRID, PATCH, WIDTH, HEADS, DEPTH = 8, 8, 64, 4, 6
IMAGE = GRID * PATCH
_SIZE = {
    "img_size": IMAGE,
    "patch_size": PATCH,
    "embed_dim": WIDTH,
    "depth": DEPTH,
    "num_heads": HEADS,
    "num_classes": 0,
}
_HALF = (IMAGENET_INCEPTION_MEAN, IMAGENET_INCEPTION_STD)
_IMAGENET = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
NORMALISATION: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "fs": _HALF,
    "clip": (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD),
    "dino": _IMAGENET,
    "mocov3": _IMAGENET,
    "mae": _IMAGENET,
    "beit": _HALF,
    "untrained": _HALF,
    "start": _HALF,
}
_POSITION_AMPLITUDE = 1.0
_QUERY_KEY_SCALE = 0.7


def plain_vit(**options: object) -> nn.Module:
    """Return the plain tiny ViT (timm VisionTransformer, 64 px, patch 8, width 64, depth 6, 4 heads)."""
    return timm.create_model("vit_tiny_patch16_224", **_SIZE, **options)


def clip_vit(**options: object) -> nn.Module:
    """Return the visual tower of CLIP in the tiny size: pre-norm, no patch bias, QuickGELU."""
    return timm.create_model("vit_base_patch16_clip_quickgelu_224", **_SIZE, **options)


def beit_vit() -> nn.Module:
    """Return the tiny BEiT: one relative position bias shared by all blocks, no position embedding."""
    return timm.create_model(
        "beit_base_patch16_224",
        **_SIZE,
        use_rel_pos_bias=False,
        use_shared_rel_pos_bias=True,
        global_pool="token",
        init_values=0.1,
    )


def sine_positions(width: int) -> Tensor:
    """Return the [1, 1 + 64, width] sine-cosine position table, its CLS row zero."""
    table = get_2d_sine_cosine_positional_embedding(embed_dim=width, grid_size=GRID, cls_token=True)
    return torch.as_tensor(table, dtype=torch.float32)[None]


def patches_of(images: Tensor) -> Tensor:
    """Return [B, 64, 192] patches (channel, row, column within each) of images [B, 3, 64, 64], row by row."""
    grid = images.unfold(2, PATCH, PATCH).unfold(3, PATCH, PATCH)
    return grid.permute(0, 2, 3, 1, 4, 5).reshape(len(images), GRID * GRID, -1)


@torch.no_grad()
def start(vit: nn.Module, images: Tensor) -> None:
    """Start `vit` in place: Xavier blocks, sine-cosine positions, and a patch embedding that whitens patches.

    Whitened patches spare the short training the work of finding colours and edges first. Queries start equal to keys, so
    that a token attends to tokens that resemble it in place and content (mimetic initialisation, Trockman and Kolter
    2023): from a flat start, attention stays flat in the few hundred steps there are.

    Args:
        vit: any of the tiny ViTs.
        images: [B, 3, 64, 64] normalised as the method does.
    """
    for parameter in vit.blocks.parameters():
        if parameter.ndim == 2:
            nn.init.xavier_uniform_(parameter)
    head = WIDTH // HEADS
    for block in vit.blocks:
        for first in range(0, WIDTH, head):
            basis = nn.init.orthogonal_(torch.empty(head, WIDTH)) * _QUERY_KEY_SCALE
            block.attn.qkv.weight[first : first + head] = basis
            block.attn.qkv.weight[WIDTH + first : WIDTH + first + head] = basis
    if vit.pos_embed is not None:
        vit.pos_embed.copy_(_POSITION_AMPLITUDE * sine_positions(WIDTH))
    patches = patches_of(images).flatten(0, 1)
    mean = patches.mean(0)
    variance, direction = torch.linalg.eigh(torch.cov((patches - mean).T))
    filters = direction[:, -WIDTH:] / (variance[-WIDTH:] + 0.01 * variance.mean()).sqrt()
    embed = vit.patch_embed.proj
    embed.weight.copy_(filters.T.reshape(embed.weight.shape))
    if embed.bias is not None:
        embed.bias.copy_(-mean @ filters)
