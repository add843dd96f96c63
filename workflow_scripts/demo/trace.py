"""A method's first training losses, which tell whether the recipe in the code is still the one that a network came from."""

from __future__ import annotations

from dataclasses import replace

import torch

from workflow_scripts.demo.objectives.methods import METHODS
from workflow_scripts.demo.training import Recipe, TrainingWorld, fit
from workflow_scripts.demo.world import paint_split, vocabulary

_SEED, _IMAGES, _STEPS, _BATCH = 0, 96, 3, 16


def first_losses(method: str) -> list[float]:
    """Return the losses of three small steps of `method` on the CPU: batches of 16, of the first 96 images of seed 0.

    All but the batch and the number of steps is the recipe's, so that a change of it, of the objective, of the augmentation
    or of the painted world shows. Reseeds torch.
    """
    arrays, captions = paint_split(_SEED, "zoo", _IMAGES)
    images = torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2).contiguous()
    world = TrainingWorld(images, torch.from_numpy(arrays["label"]), vocabulary()["classes"], captions)
    torch.manual_seed(_SEED)
    objective = METHODS[method](world)
    recipe: Recipe = objective.recipe
    if not recipe.steps:
        return []
    objective.recipe = replace(recipe, batch=_BATCH, steps=_STEPS)
    return [round(loss, 5) for loss in fit(objective, 1.0).losses]
