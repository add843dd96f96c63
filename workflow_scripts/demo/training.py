"""The training loop that all demo methods share: optimisers, schedule, gradient clip, progress."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.common.progress import Progress
from workflow_scripts.demo import augment
from workflow_scripts.demo.models import IMAGE, NORMALISATION

_WEIGHT_DECAY = 0.05
_CLIP_NORM = 3.0
_WARM_UP = 0.1


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train: steps at effort 1, images a step, peak learning rates."""

    steps: int
    batch: int
    lr: float = 1e-3
    muon_lr: float = 0.02


@dataclass(frozen=True)
class TrainingWorld:
    """The training split: images [N, 3, 64, 64] uint8, labels [N] int64, the class names, one caption per image."""

    images: Tensor
    labels: Tensor
    classes: list[str]
    captions: list[str]


class Objective(nn.Module, ABC):
    """A pretraining method: its networks, its loss, and its official checkpoint."""

    method: str
    recipe: Recipe

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__()
        self.world = world

    @abstractmethod
    def loss(self, index: Tensor) -> Tensor:
        """Return the loss of the images numbered `index` [B]."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the checkpoint to `path` in the layout of the method's official files."""

    def after_step(self) -> None:
        """Follow an optimiser step; most methods have nothing to do."""

    def pixels(self, index: Tensor) -> Tensor:
        """Return the images numbered `index` as floats [B, 3, 64, 64], 0 to 1."""
        return self.world.images[index].float() / 255

    def normalised(self, images: Tensor) -> Tensor:
        """Return images (0 to 1) normalised as the method expects."""
        return augment.normalise(images, *NORMALISATION[self.method])

    def sample(self, count: int = 256) -> Tensor:
        """Return `count` normalised images [B, 3, 64, 64] to start networks and codebooks from."""
        index = torch.randint(0, len(self.world.images), (count,), device=self.world.images.device)
        return self.normalised(self.pixels(index))

    def view(self, images: Tensor, area: tuple[float, float], strength: float, hue: float) -> Tensor:
        """Return a cropped, flipped, recoloured and normalised view of images (0 to 1)."""
        return self.normalised(augment.colour_jitter(augment.crops(images, IMAGE, area), strength, hue))


def fit(objective: Objective, effort: float) -> int:
    """Train `objective` in place for `effort` times its recipe's steps (at least 2, if any); return the number of steps.

    Random numbers come from torch's global generator. Matrices inside transformer blocks are updated by Muon, all other
    parameters by AdamW; both follow a cosine with a linear warm-up.
    """
    recipe = objective.recipe
    steps = max(2, round(recipe.steps * effort)) if recipe.steps else 0
    optimisers = _optimisers(objective, recipe)
    progress = Progress(objective.method, steps, "steps", every=5.0)
    count = len(objective.world.images)
    device = objective.world.images.device
    objective.train()
    order = torch.empty(0, dtype=torch.int64, device=device)
    for step in range(steps):
        while len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(count, device=device)])
        index, order = order[: recipe.batch], order[recipe.batch :]
        for optimiser, peak in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = peak * _schedule((step + 1) / steps)
            optimiser.zero_grad(set_to_none=True)
        loss = objective.loss(index)
        loss.backward()
        nn.utils.clip_grad_norm_(objective.parameters(), _CLIP_NORM)
        for optimiser, _ in optimisers:
            optimiser.step()
        objective.after_step()
        progress.what = f"{objective.method}, loss {loss.item():.3f}"
        progress(step + 1)
    return steps


def _schedule(done: float) -> float:
    if done < _WARM_UP:
        return done / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))


def _optimisers(objective: nn.Module, recipe: Recipe) -> list[tuple[torch.optim.Optimizer, float]]:
    matrices, decayed, free = [], [], []
    for name, parameter in objective.named_parameters():
        if not parameter.requires_grad:
            continue
        if parameter.ndim == 2 and "blocks." in name:
            matrices.append(parameter)
        else:
            (decayed if parameter.ndim > 1 else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": free, "weight_decay": 0.0}]
    return [
        (torch.optim.Muon(matrices, lr=recipe.muon_lr, weight_decay=_WEIGHT_DECAY), recipe.muon_lr),
        (torch.optim.AdamW(groups, lr=recipe.lr), recipe.lr),
    ]
