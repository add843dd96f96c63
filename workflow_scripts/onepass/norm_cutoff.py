"""The cutoff of high norms as a fit: for what has to know in its pass which tokens are high."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.token_norms import BINS, cutoff
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.fit import Arrays, Fit, shuffled_batches
from workflow_scripts.onepass.token_norms import norm_histogram, token_norms


class NormCutoff(Fit):
    """The rule of `metrics.token_norms.cutoff` for the patch norms of the last layer, before the final norm.

    Options: `batches`, `batch_size`, of a seeded order of the images. The result: ``counts`` [200] int64 by bin, and ``cutoff``
    [1] float64, infinite if no token is high.
    """

    name = "norm_cutoff"

    def __init__(self, n_layers: int, **options: Any) -> None:
        super().__init__(n_layers, **options)
        self._counts = np.zeros(BINS, np.int64)

    def batches(self, n_images: int, seed: int) -> Iterator[np.ndarray]:
        """Yield shuffled batches."""
        return shuffled_batches(n_images, self.options["batch_size"], self.options["batches"], seed)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Count the norms of the batch's patch tokens, if the layer is the last."""
        if view.layer.token_normed is not None:
            self._counts += norm_histogram(token_norms(view, "token")[:, view.n_prefix :]).cpu().numpy()

    def state(self) -> Arrays:
        """Return the counts."""
        return {"counts": self._counts}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take the counts."""
        self._counts = arrays["counts"].copy()

    def result(self) -> Arrays:
        """Return the counts and the cutoff."""
        found = cutoff(self._counts)
        return {"counts": self._counts, "cutoff": np.array([np.inf if found is None else found])}
