"""The training loop that all demo methods share: optimiser, schedule, gradient clip, learning curve, progress."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_scripts.common.progress import Progress
from workflow_scripts.demo import augment
from workflow_scripts.demo.curve import knn_accuracy
from workflow_scripts.demo.models import IMAGE, NORMALISATION, PATCH, SMALL, some_patches

_WEIGHT_DECAY = 0.05
_BETAS = (0.9, 0.95)
_CLIP_NORM = 3.0
_WARM_UP = 0.08
_CURVE_POINTS = 8
_HARDENING = 0.7  # share of the training after which contrasted views are as hard as they get


@dataclass(frozen=True)
class Recipe:
    """How a method trains.

    Attributes:
        steps: optimiser steps at effort 1.
        batch: images a step.
        lr: peak learning rate of AdamW.
        keep: share of the patches that enter the encoder. To drop the rest makes a step cheaper by as much, and so buys more
            steps than it costs (Li et al., Scaling Language-Image Pre-training via Masking, CVPR 2023).
        small: share of the steps, the first ones, on images of 40 instead of 60 px: fewer patches show as much of an object
            (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019, finish at the full size likewise).
        whole: share of the steps, the last ones, in which all patches enter, so that the network knows whole images.
        hard: share of contrasted views that are grey in the end, and of those that are solarised; none at the start.
    """

    steps: int
    batch: int
    lr: float = 3e-3
    keep: float = 1.0
    small: float = 0.0
    whole: float = 0.0
    hard: float = 0.0


@dataclass(frozen=True)
class TrainingWorld:
    """A painted split: images [N, 3, 64, 64] uint8, labels [N] int64, the class names, one caption per image."""

    images: Tensor
    labels: Tensor
    classes: list[str]
    captions: list[str]


@dataclass(frozen=True)
class Trained:
    """What a training was.

    Attributes:
        steps: steps taken.
        losses: loss of each step.
        curve: (step, k-NN accuracy on the tuning split), in rising order of step; empty without a tuning split.
    """

    steps: int
    losses: list[float] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)


class Objective(nn.Module, ABC):
    """A pretraining method: its networks, its loss, and its official checkpoint.

    Attributes:
        method: its name, as a model's `checkpoint.source.method` gives it.
        recipe: how it trains.
        whole: whether all patches enter the encoder now; the loop sets it.
        size: side of the images now, in pixels; the loop sets it.
        done: share of the training that is over; the loop sets it.
    """

    method: str
    recipe: Recipe
    whole = False
    size = IMAGE
    done = 0.0

    def __init__(self, world: TrainingWorld) -> None:
        super().__init__()
        self.world = world

    @property
    @abstractmethod
    def encoder(self) -> nn.Module:
        """The ViT that readers of the checkpoint get."""

    @abstractmethod
    def loss(self, index: Tensor) -> Tensor:
        """Return the loss of the images numbered `index` [B]."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the checkpoint to `path` in the layout of the method's official files."""

    def after_step(self) -> None:
        """Follow an optimiser step; most methods have nothing to do."""

    def kept(self, count: int) -> Tensor | None:
        """Return the patches [count, n] that enter the encoder, drawn anew; None where all do."""
        patches = (self.size // PATCH) ** 2
        return None if self.whole else some_patches(count, patches, self.recipe.keep, self.world.images.device)

    def pixels(self, index: Tensor) -> Tensor:
        """Return the images numbered `index` as floats [B, 3, 64, 64], 0 to 1."""
        return self.world.images[index].float() / 255

    def normalised(self, images: Tensor) -> Tensor:
        """Return images (0 to 1) normalised as the method expects."""
        return augment.normalise(images, *NORMALISATION[self.method])

    def view(self, images: Tensor, area: tuple[float, float], strength: float, hue: float, flip: bool = True) -> Tensor:
        """Return a cropped, flipped, recoloured and normalised view [B, 3, size, size] of images (0 to 1)."""
        return self.normalised(augment.colour_jitter(augment.crops(images, self.size, area, flip), strength, hue))

    def contrasted(self, images: Tensor) -> Tensor:
        """Return a view [B, 3, size, size] of images (0 to 1) as contrastive methods draw it, of any hue.

        More and more of the views are grey or solarised. From the start they would leave the network nothing easy to begin
        with; without them the views of an image are told from others by what colours lie beside each other.
        """
        view = augment.colour_jitter(augment.crops(images, self.size, (0.4, 1.0)), 0.4, 0.5)
        share = self.recipe.hard * min(1.0, self.done / _HARDENING)
        return self.normalised(augment.solarise(augment.greyscale(view, share), share))


def fit(objective: Objective, effort: float, tuning: TrainingWorld | None = None) -> Trained:
    """Train `objective` in place for `effort` times its recipe's steps (at least 2, if any).

    Random numbers come from torch's global generator. AdamW follows a cosine with a linear warm-up.

    Args:
        objective: on the device of its world.
        effort: factor on the number of steps.
        tuning: split on which k-NN accuracy is taken along the way; no step learns from it.
    """
    recipe = objective.recipe
    steps = max(2, round(recipe.steps * effort)) if recipe.steps else 0
    optimiser = _optimiser(objective, recipe)
    progress = Progress(objective.method, steps, "steps", every=5.0)
    count = len(objective.world.images)
    device = objective.world.images.device
    losses: list[float] = []
    curve: list[tuple[int, float]] = []
    points = {round(steps * i / _CURVE_POINTS) for i in range(_CURVE_POINTS + 1)} if tuning else set()
    order = torch.empty(0, dtype=torch.int64, device=device)
    for step in range(steps + 1):
        if step in points:
            curve.append((step, knn_accuracy(objective, tuning)))
        if step == steps:
            break
        while len(order) < recipe.batch:
            order = torch.cat([order, torch.randperm(count, device=device)])
        index, order = order[: recipe.batch], order[recipe.batch :]
        objective.done = done = (step + 1) / steps
        objective.train()
        objective.whole = done > 1 - recipe.whole
        objective.size = SMALL if done <= recipe.small else IMAGE
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * _schedule(done)
        optimiser.zero_grad(set_to_none=True)
        loss = objective.loss(index)
        loss.backward()
        nn.utils.clip_grad_norm_(objective.parameters(), _CLIP_NORM)
        optimiser.step()
        objective.after_step()
        losses.append(loss.item())
        reached = f", k-NN {curve[-1][1]:.3f} at {curve[-1][0]}" if curve else ""
        progress.what = f"{objective.method}, loss {losses[-1]:.3f}{reached}"
        progress(step + 1)
    return Trained(steps, losses, curve)


def momentum_at(done: float, start: float) -> float:
    """Return the momentum of a teacher when `done` of 1 of the training is over: a cosine from `start` to 1."""
    return 1 - (1 - start) * (math.cos(math.pi * done) + 1) / 2


def _schedule(done: float) -> float:
    if done < _WARM_UP:
        return done / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))


def _optimiser(objective: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    learned = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in learned if p.ndim > 1], "weight_decay": _WEIGHT_DECAY},
        {"params": [p for p in learned if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.lr, betas=_BETAS, fused=True)
