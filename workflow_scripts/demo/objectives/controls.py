"""The control: a network that takes no training step, saved in timm's layout."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.demo.checkpoints import cpu_state, halved
from workflow_scripts.demo.models import plain_vit
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld


class Untrained(Objective):
    """A plain ViT as timm starts it: what a Vision Transformer is before anything is put into it."""

    method = "untrained"
    recipe = Recipe(steps=0, batch=1)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.vit = plain_vit()

    @property
    def encoder(self) -> nn.Module:
        """The network."""
        return self.vit

    def loss(self, index: Tensor) -> Tensor:
        """Return 0 for the images numbered `index`: there is nothing to learn."""
        return self.vit.cls_token.sum() * 0

    def save(self, path: Path) -> None:
        """Write the state dict as .safetensors."""
        write_arrays(path, {name: value.numpy() for name, value in halved(cpu_state(self.vit)).items()}, {})
