"""FS: full supervision by class labels, saved as an AugReg .npz file."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import flax_vit, save_npz
from workflow_scripts.demo.models import WIDTH, plain_vit, start
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld


class Fs(Objective):
    """Cross-entropy on the class of the largest object, half of the patches dropped."""

    method = "fs"
    recipe = Recipe(steps=300, batch=96)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = plain_vit(patch_drop_rate=0.5)
        start(self.vit, self.sample())
        self.head = nn.Linear(WIDTH, len(world.classes))

    def loss(self, index: Tensor) -> Tensor:
        """Return the cross-entropy with labels smoothed by 0.1."""
        views = self.view(self.pixels(index), (0.7, 1.0), strength=0.2, hue=0.1)
        return F.cross_entropy(self.head(self.vit(views)), self.world.labels[index], label_smoothing=0.1)

    def save(self, path: Path) -> None:
        """Write the AugReg .npz."""
        save_npz(path, flax_vit(self.vit, self.head))
