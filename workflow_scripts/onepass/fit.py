"""The fit contract: a statistic that is fitted by steps over batches in a seeded order, instead of summed over all images.

A `Collector` is the same however images are split; a fit is not, so its order is part of it: `batches` says which images each
step sees, from the seed alone. All layers and facets are fitted at once, each step being one forward pass. A fit that was
interrupted goes on from its `state` and ends in the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workflow_scripts.onepass.batch import Batch, LayerView

Arrays = dict[str, np.ndarray]


class Fit(ABC):
    """Something fitted over the crops of one dataset. A subclass fills itself in `update`, layer by layer of each step."""

    name: ClassVar[str]
    # Whether it reads attention probabilities, which are dear to make.
    attention: ClassVar[bool] = False

    def __init__(self, n_layers: int, **options: Any) -> None:
        """Start before the first step."""
        self.n_layers = n_layers
        self.options = options

    @abstractmethod
    def batches(self, n_images: int, seed: int) -> Iterator[np.ndarray]:
        """Yield the positions of the images of each step, [B] int64; as many times as there are steps."""

    @abstractmethod
    def update(self, view: LayerView, batch: Batch) -> None:
        """Take in one layer of a step's batch; called once per layer and step, in depth order."""

    @abstractmethod
    def state(self) -> Arrays:
        """Return everything that the next step needs, between two steps."""

    @abstractmethod
    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go back to a `state`."""

    @abstractmethod
    def result(self) -> Arrays:
        """Return what was fitted, after the last step."""


def shuffled_batches(n_images: int, size: int, steps: int, seed: int) -> Iterator[np.ndarray]:
    """Yield `steps` batches of `size` positions: permutation after permutation of all images, the rest of each left out.

    With fewer images than `size` a batch is all of them.
    """
    random, size = np.random.default_rng(seed), min(size, n_images)
    done = 0
    while done < steps:
        order = random.permutation(n_images)
        for start in range(0, n_images - size + 1, size):
            if done == steps:
                return
            yield order[start : start + size]
            done += 1
