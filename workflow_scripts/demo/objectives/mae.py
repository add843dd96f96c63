"""MAE: rebuild masked patches, saved as a full file with its decoder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from workflow_scripts.demo.augment import crops
from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import (
    HEADS,
    IMAGE,
    PATCH,
    PATCHES,
    WIDTH,
    encode,
    fix_positions,
    patches_of,
    plain_vit,
    sine_positions,
    xavier,
)
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld

_DECODER_WIDTH, _DECODER_DEPTH = 48, 2


class Mae(Objective):
    """Mean squared error of the normalised pixels of the three quarters of the patches that the encoder never saw."""

    method = "mae"
    recipe = Recipe(steps=2500, batch=128, lr=2e-3, keep=0.25)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = plain_vit()
        xavier(self.vit, apart=False)
        fix_positions(self.vit)
        self.decoder = Decoder()

    @property
    def encoder(self) -> nn.Module:
        """The encoder, without the decoder."""
        return self.vit

    def loss(self, index: Tensor) -> Tensor:
        """Return the reconstruction error over masked patches; each patch is normalised by its own mean and spread."""
        images = self.normalised(crops(self.pixels(index), IMAGE, (0.4, 1.0)))
        patches = patches_of(images).unflatten(2, (3, -1)).transpose(2, 3).flatten(2)  # channel last, as in MAE
        target = F.layer_norm(patches, patches.shape[-1:], eps=1e-6)
        order = torch.rand(len(images), PATCHES, device=images.device).argsort(1)
        seen = round(self.recipe.keep * PATCHES)
        error = (self.decoder(encode(self.vit, images, order[:, :seen]), order) - target).square().mean(-1)
        return error.gather(1, order[:, seen:]).mean()

    def save(self, path: Path) -> None:
        """Write encoder, mask token and decoder under `model`."""
        save_torch(path, {"model": cpu_state(self.vit) | cpu_state(self.decoder)})


class Decoder(nn.Module):
    """MAE's light decoder; parameters named as in the official files."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder_embed = nn.Linear(WIDTH, _DECODER_WIDTH)
        self.mask_token = nn.Parameter(torch.randn(1, 1, _DECODER_WIDTH) * 0.02)
        self.decoder_pos_embed = nn.Parameter(sine_positions(_DECODER_WIDTH), requires_grad=False)
        norm = partial(nn.LayerNorm, eps=1e-6)
        blocks = [Block(_DECODER_WIDTH, HEADS, qkv_bias=True, norm_layer=norm) for _ in range(_DECODER_DEPTH)]
        self.decoder_blocks = nn.Sequential(*blocks)
        self.decoder_norm = norm(_DECODER_WIDTH)
        self.decoder_pred = nn.Linear(_DECODER_WIDTH, PATCH * PATCH * 3)
        for matrix in (p for p in self.decoder_blocks.parameters() if p.ndim == 2):
            nn.init.xavier_uniform_(matrix)

    def forward(self, x: Tensor, order: Tensor) -> Tensor:
        """Return predicted patches [B, 144, 75].

        Args:
            x: [B, 1 + kept, width] encoded CLS and kept patches.
            order: [B, 144] patch numbers, the kept ones first.
        """
        x = self.decoder_embed(x)
        masks = self.mask_token.expand(len(x), order.shape[1] - x.shape[1] + 1, -1)
        patches = torch.cat([x[:, 1:], masks], 1)
        patches = patches.gather(1, order.argsort(1)[..., None].expand_as(patches))
        x = torch.cat([x[:, :1], patches], 1) + self.decoder_pos_embed
        return self.decoder_pred(self.decoder_norm(self.decoder_blocks(x)))[:, 1:]
