"""What DINO, iBOT and DINOv2 share: a student, a teacher that is its moving average, projection heads, two views."""

from __future__ import annotations

import argparse
import warnings
from abc import abstractmethod

import torch
import torch.nn.functional as F
from lightly.loss.swav_loss import sinkhorn
from lightly.models.modules.heads import DINOProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from workflow_scripts.demo.models import PATCH, WIDTH
from workflow_scripts.demo.training import Objective, TrainingWorld, momentum_at

_MOMENTUM = 0.95  # at the start; 1 at the end
OUTPUTS = 64
_TEACHER_TEMPERATURE, _STUDENT_TEMPERATURE = 0.05, 0.1


class Distillation(Objective):
    """A student matches its own moving average across two views.

    Both views are global ones. The student sees some of the patches of each: views of fewer patches take the place of local
    crops, which cost more here than they bring.
    """

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__(world)
        self.student, self.teacher = self.network(), self.network()
        self.teacher.load_state_dict(self.student.state_dict())
        self.teacher.requires_grad_(False)

    @property
    def encoder(self) -> nn.Module:
        """The teacher, which is what the authors publish and evaluate."""
        return self.teacher["backbone"]

    @abstractmethod
    def network(self) -> nn.ModuleDict:
        """Return a new backbone and its heads, under `backbone` and the names of the method's files."""

    def two_views(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return two views of the images numbered `index` [B], each [B, 3, 60, 60]."""
        images = self.pixels(index)
        first, second = (self.contrasted(images) for _ in range(2))
        return first, second

    def after_step(self) -> None:
        """Let the teacher follow the student, ever more slowly."""
        update_momentum(self.student, self.teacher, momentum_at(self.done, _MOMENTUM))


@torch.no_grad()
def assigned(outputs: Tensor) -> Tensor:
    """Return what the teacher teaches by its outputs [N, 64]: shares that add up to 1 in each row, and evenly in each column.

    Sinkhorn-Knopp in place of a running centre (Caron et al. 2021, Table 7; the choice of DINOv2's larger runs): in so few
    steps, of so small batches, the centre lets outputs become uniform.
    """
    return sinkhorn(outputs, iterations=3, epsilon=_TEACHER_TEMPERATURE)


def taught_loss(taught: Tensor, seen: Tensor) -> Tensor:
    """Return the cross-entropies [N] of the student's outputs `seen` [N, 64] with the shares `taught`."""
    return -(taught * F.log_softmax(seen / _STUDENT_TEMPERATURE, dim=-1)).sum(-1)


def across_views(taught: Tensor, seen: Tensor) -> Tensor:
    """Return the loss between outputs of two views, [2 B, 64] each: each view is taught by the other."""
    first, second = assigned(taught).chunk(2)
    return taught_loss(torch.cat([second, first]), seen).mean()


def head() -> nn.Module:
    """Return DINO's projection head: three layers with batch norm, a normalised bottleneck, weight-normalised outputs.

    The last layer keeps its start, which DINO does for the first epoch alone: in few steps, outputs that learn become alike.
    """
    with warnings.catch_warnings():
        # The official files store the older form of weight norm (weight_g, weight_v), and so does lightly.
        warnings.simplefilter("ignore", FutureWarning)
        made = DINOProjectionHead(WIDTH, 256, 64, OUTPUTS, batch_norm=True)
    made.last_layer.requires_grad_(False)
    return made


def official_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a network's state with the layers of its heads under the names of the authors' code."""
    return {name.replace("head.layers.", "head.mlp."): value for name, value in state.items()}


def training_record(student: dict[str, Tensor], teacher: dict[str, Tensor]) -> dict:
    """Return the record that the training scripts of DINO and iBOT write, of both networks."""
    return {
        "student": official_names(student),
        "teacher": official_names(teacher),
        "epoch": 1,
        "args": argparse.Namespace(arch="vit_tiny", patch_size=PATCH, out_dim=OUTPUTS, momentum_teacher=_MOMENTUM),
    }
