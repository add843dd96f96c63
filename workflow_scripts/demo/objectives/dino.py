"""DINO: a student matches a moving-average teacher across crops, saved as a full training checkpoint."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import torch
from lightly.loss import DINOLoss
from lightly.models.modules.heads import DINOProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import WIDTH, plain_vit, start
from workflow_scripts.demo.training import Objective, Recipe, TrainingWorld

_MOMENTUM = 0.96
_OUTPUTS = 512


class Dino(Objective):
    """Two global crops, each half of its patches; local crops cost more here than they bring, and a larger batch helps."""

    method = "dino"
    recipe = Recipe(steps=180, batch=128, lr=2e-3)

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.student, self.teacher = _network(), _network()
        start(self.student["backbone"], self.sample())
        self.teacher.load_state_dict(self.student.state_dict())
        self.teacher.requires_grad_(False)
        self.criterion = DINOLoss(_OUTPUTS, teacher_temp=0.04, center_momentum=0.9)

    def loss(self, index: Tensor) -> Tensor:
        """Return the cross-entropy between the outputs for different crops."""
        images = self.pixels(index)
        views = [self.view(images, (0.5, 1.0), strength=0.4, hue=0.5) for _ in range(2)]
        with torch.no_grad():
            taught = _outputs(self.teacher, views)
        return self.criterion(taught, _outputs(self.student, views))

    def after_step(self) -> None:
        """Let the teacher follow the student."""
        update_momentum(self.student, self.teacher, _MOMENTUM)

    def save(self, path: Path) -> None:
        """Write student, teacher and the loss's centre, as DINO's training script does."""
        content = {
            "student": _official(cpu_state(self.student, "module.")),
            "teacher": _official(cpu_state(self.teacher)),
            "epoch": 1,
            "args": argparse.Namespace(arch="vit_tiny", patch_size=8, out_dim=_OUTPUTS, momentum_teacher=_MOMENTUM),
            "dino_loss": {"center": self.criterion.center[0].cpu()},
        }
        save_torch(path, content)


def _network() -> nn.ModuleDict:
    backbone = plain_vit(patch_drop_rate=0.5)
    with warnings.catch_warnings():
        # The official files store the older form of weight norm (weight_g, weight_v), and so does lightly.
        warnings.simplefilter("ignore", FutureWarning)
        head = DINOProjectionHead(WIDTH, 256, 64, _OUTPUTS, batch_norm=True)
    return nn.ModuleDict({"backbone": backbone, "head": head})


def _outputs(network: nn.ModuleDict, crops: list[Tensor]) -> list[Tensor]:
    return list(network["head"](network["backbone"](torch.cat(crops))).chunk(len(crops)))


def _official(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.replace("head.layers.", "head.mlp."): value for name, value in state.items()}
