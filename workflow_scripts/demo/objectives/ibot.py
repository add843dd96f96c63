"""iBOT: DINO, and the student names what the teacher makes of patches that are masked for it."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.demo.checkpoints import cpu_state, save_torch
from workflow_scripts.demo.models import PATCH, WIDTH, encode, places_apart, plain_vit, xavier
from workflow_scripts.demo.objectives.distillation import (
    Distillation,
    across_views,
    assigned,
    head,
    taught_loss,
    training_record,
)
from workflow_scripts.demo.training import Recipe

_MASKED = (0.1, 0.5)
_PATCHES_FROM = 0.3  # share of the training after which patches are masked and named


class Ibot(Distillation):
    """DINO's loss on CLS, and the same cross-entropy on masked patches within a view, through one shared head.

    Masked patches are drawn one by one, for half of the views; none in the first part of the training, as the authors' code
    has it (`pred_start_epoch`): what the teacher makes of patches is nothing to learn from before it tells images apart.
    """

    method = "ibot"
    recipe = Recipe(steps=1800, batch=128, lr=1.5e-3, keep=0.6, small=0.9, whole=0.05, hard=0.4)

    def network(self) -> nn.ModuleDict:
        """Return a plain ViT with its mask token, and its head."""
        vit = plain_vit()
        xavier(vit, apart=True)
        places_apart(vit)
        vit.masked_embed = nn.Parameter(torch.zeros(1, WIDTH))
        return nn.ModuleDict({"backbone": vit, "head": head()})

    def loss(self, index: Tensor) -> Tensor:
        """Return the sum of the loss on CLS and that on masked patches."""
        views = torch.cat(self.two_views(index))
        kept = self.kept(len(views))
        if self.done < _PATCHES_FROM:
            return across_views(*(self._views(side, views, kept) for side in (self.teacher, self.student)))
        masked = mask_some(len(views), (self.size // PATCH) ** 2 if kept is None else kept.shape[1], views.device)
        with torch.no_grad():
            taught = encode(self.teacher["backbone"], views, kept)
            taught_view, taught_patch = _through(self.teacher["head"], taught, masked)
        backbone = self.student["backbone"]
        seen = encode(backbone, views, kept, masked, backbone.masked_embed[None])
        seen_view, seen_patch = _through(self.student["head"], seen, masked)
        return across_views(taught_view, seen_view) + taught_loss(assigned(taught_patch), seen_patch).mean()

    def _views(self, side: nn.ModuleDict, views: Tensor, kept: Tensor | None) -> Tensor:
        """Return the outputs for CLS [views, outputs], nothing masked; the teacher's weights take no gradient."""
        return side["head"](encode(side["backbone"], views, kept)[:, 0])

    def save(self, path: Path) -> None:
        """Write student and teacher, as iBOT's training script does."""
        save_torch(path, training_record(cpu_state(self.student, "module."), cpu_state(self.teacher)))


def mask_some(views: int, patches: int, device: torch.device) -> Tensor:
    """Return [views, patches] bool: in every second view a random share between .1 and .5 of the patches, else none."""
    share = torch.empty(views, 1, device=device).uniform_(*_MASKED)
    share[torch.randperm(views, device=device)[: views // 2]] = 0
    rank = torch.rand(views, patches, device=device).argsort(1).argsort(1)
    return rank < (share * patches).round()


def _through(shared: nn.Module, tokens: Tensor, masked: Tensor) -> tuple[Tensor, Tensor]:
    """Return the head's outputs for CLS [views, outputs] and for the masked patches [sum of masked, outputs]."""
    both = shared(torch.cat([tokens[:, 0], tokens[:, 1:][masked]]))
    return both[: len(tokens)], both[len(tokens) :]
