"""FS: full supervision by class labels, saved as an AugReg .npz file."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import flax_vit, save_npz
from workflow_scripts.demo.models import WIDTH, encode, plain_vit, xavier
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld


class Fs(Objective):
    """Cross-entropy on the class of the largest object."""

    method = "fs"
    recipe = Recipe(steps=20000, batch=48, keep=0.5, small=0.85, whole=0.1)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = plain_vit()
        xavier(self.vit, apart=True)
        self.head = nn.Linear(WIDTH, len(world.classes))

    @property
    def encoder(self) -> nn.Module:
        """The classified network."""
        return self.vit

    def loss(self, index: Tensor) -> Tensor:
        """Return the cross-entropy with labels smoothed by 0.1."""
        views = self.view(self.pixels(index), (0.6, 1.0), strength=0.2, hue=0.1)
        seen = encode(self.vit, views, self.kept(len(views)))[:, 0]
        return F.cross_entropy(self.head(seen), self.world.labels[index], label_smoothing=0.1)

    def save(self, path: Path) -> None:
        """Write the AugReg .npz."""
        save_npz(path, flax_vit(self.vit, self.head))
