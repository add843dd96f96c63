"""BEiT: name the codes of masked patches, saved in the layout of the pt22k files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from workflow_scripts.demo.augment import crops
from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import GRID, IMAGE, PATCH, PATCHES, WIDTH, beit_vit, spread_as_at
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld

_CODES = 256
_MASKED = 0.4
_SAMPLE = 256  # images that the codes are made of
_FITTED = 16000  # windows of theirs


class Beit(Objective):
    """Cross-entropy on the code of each masked patch.

    The codes are clusters of windows three patches wide, about each patch. BEiT's own come from the dVAE of DALL-E, whose
    receptive field too is far wider than a patch; a code of the patch alone can be guessed from its neighbours' colour.
    """

    method = "beit"
    recipe = Recipe(steps=480, batch=96, lr=2e-3)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = beit_vit()
        spread_as_at(768, self.vit)
        self.mask_token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)
        self.lm_head = nn.Linear(WIDTH, _CODES)
        index = torch.randint(0, len(world.images), (_SAMPLE,), device=world.images.device)
        images = self.normalised(crops(self.pixels(index), IMAGE, (0.4, 1.0)))
        self.register_buffer("codebook", codebook(windows_of(images).flatten(0, 1)))

    @property
    def encoder(self) -> nn.Module:
        """The network, without its code head."""
        return self.vit

    def loss(self, index: Tensor) -> Tensor:
        """Return the cross-entropy over the masked patches."""
        images = self.normalised(crops(self.pixels(index), IMAGE, (0.4, 1.0)))
        with torch.no_grad():
            codes = torch.cdist(windows_of(images).flatten(0, 1), self.codebook).argmin(-1).view(len(images), PATCHES)
        mask = block_masks(len(images)).to(images.device)
        x = torch.where(mask[..., None], self.mask_token, self.vit.patch_embed(images))
        x = torch.cat([self.vit.cls_token.expand(len(x), -1, -1), x], 1)
        bias = self.vit.rel_pos_bias()
        for block in self.vit.blocks:
            x = block(x, shared_rel_pos_bias=bias)
        x = self.vit.norm(x)[:, 1:]
        return F.cross_entropy(self.lm_head(x[mask]), codes[mask])

    def save(self, path: Path) -> None:
        """Write the model with its mask token and code head under `model`."""
        extra = {"mask_token": self.mask_token.detach().cpu().clone(), **cpu_state(self.lm_head, "lm_head.")}
        save_torch(path, {"model": cpu_state(self.vit) | extra})


def windows_of(images: Tensor) -> Tensor:
    """Return [B, 144, 75] windows of 15 px about each patch, three pixels averaged into one, of images [B, 3, 60, 60]."""
    small = F.avg_pool2d(F.pad(images, (PATCH,) * 4, mode="reflect"), 3, stride=1)
    return F.unfold(small, PATCH, dilation=3, stride=PATCH).transpose(1, 2)


def codebook(patches: Tensor) -> Tensor:
    """Return [256, D] cluster centres of patches [P, D]."""
    seed = int(torch.randint(0, 2**31, ()))
    # scikit-learn takes every core otherwise.
    with threadpool_limits(torch.get_num_threads()):
        fitted = KMeans(_CODES, n_init=1, max_iter=10, random_state=seed).fit(
            patches[:: max(1, len(patches) // _FITTED)].cpu().numpy()
        )
    return torch.from_numpy(fitted.cluster_centers_.astype(np.float32)).to(patches.device)


def block_masks(count: int) -> Tensor:
    """Return [count, 144] bool masks: rectangles are added until at least 40 % of the patches are covered."""
    rng = np.random.default_rng(int(torch.randint(0, 2**31, ())))
    masks = np.zeros((count, GRID, GRID), bool)
    for mask in masks:
        while mask.mean() < _MASKED:
            height, width = rng.integers(3, 7, 2)
            row, column = rng.integers(0, GRID - height + 1), rng.integers(0, GRID - width + 1)
            mask[row : row + height, column : column + width] = True
    return torch.from_numpy(masks.reshape(count, -1))
