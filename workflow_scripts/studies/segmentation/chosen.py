"""Which models and which example images the study's pictures show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from workflow_scripts.common.run_model import SIZES, RunModel

EXAMPLES = 6  # images side by side


def of_methods(models: Iterable[RunModel], methods: Sequence[str], sizes: Sequence[str]) -> list[RunModel]:
    """Return the models trained by `methods`, method by method, smaller ones first.

    Of each method those of `sizes`; if the run has none of these sizes, all that it has.
    """
    trained = [model for model in models if not model.random]
    chosen = []
    for method in methods:
        own = [model for model in trained if model.method == method]
        own = [model for model in own if model.size in sizes] or own
        chosen += sorted(own, key=lambda model: SIZES.index(model.size) if model.size else -1)
    return chosen


def spread(count: int, limit: int = EXAMPLES) -> list[int]:
    """Return up to `limit` places spread evenly over `count`."""
    limit = min(limit, count)
    return [int((place + 0.5) * count / limit) for place in range(limit)]


def with_most(truth: np.ndarray, number: int, limit: int = EXAMPLES) -> list[int]:
    """Return up to `limit` images, in order, of which the largest shares are of a class; none without it.

    Args:
        truth: [E, h, w] classes.
        number: of the class.
        limit: how many at most.
    """
    share = (truth == number).mean((1, 2))
    order = np.argsort(-share, kind="stable")[:limit]
    return sorted(order[share[order] > 0].tolist())
