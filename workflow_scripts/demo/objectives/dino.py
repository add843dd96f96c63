"""DINO: a student matches a moving-average teacher across crops, saved as a full training checkpoint."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import encode, places_apart, plain_vit, xavier
from workflow_scripts.demo.objectives.distillation import Distillation, across_views, head, training_record
from workflow_scripts.demo.training import Recipe


class Dino(Distillation):
    """Cross-entropy between the outputs for CLS of the teacher, which sees all of a view, and of the student for the other."""

    method = "dino"
    recipe = Recipe(steps=2500, batch=128, lr=1.5e-3, keep=0.5, small=0.9, whole=0.05, hard=0.1)

    def network(self) -> nn.ModuleDict:
        """Return a plain ViT and its head."""
        backbone = plain_vit()
        xavier(backbone, apart=True)
        places_apart(backbone)
        return nn.ModuleDict({"backbone": backbone, "head": head()})

    def loss(self, index: Tensor) -> Tensor:
        """Return the cross-entropy between the outputs for different views."""
        views = torch.cat(self.two_views(index))
        with torch.no_grad():
            taught = self.teacher["head"](encode(self.teacher["backbone"], views, None)[:, 0])
        seen = self.student["head"](encode(self.student["backbone"], views, self.kept(len(views)))[:, 0])
        return across_views(taught, seen)

    def save(self, path: Path) -> None:
        """Write student and teacher, as DINO's training script does."""
        save_torch(path, training_record(cpu_state(self.student, "module."), cpu_state(self.teacher)))
