"""The two models of the paper by their methods' names in the registry, and those that stand for them in a run without them."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel

DINO, MAE = "DINO", "MAE"


def reference(models: Sequence[RunModel]) -> RunModel:
    """Return the first model trained by DINO, else the first of all."""
    return next((model for model in models if model.method == DINO), models[0])


def pair(models: Sequence[RunModel]) -> list[RunModel]:
    """Return the first model of DINO and the first of MAE; other models, from the first on, for what the run lacks."""
    found = [next((model for model in models if model.method == method), None) for method in (DINO, MAE)]
    others = iter([model for model in models if model not in found])
    chosen = [model or next(others, None) for model in found]
    return [model for model in chosen if model is not None]
