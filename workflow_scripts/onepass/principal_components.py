"""Principal components of patch features, of every layer and facet at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.facets import facet_of
from workflow_scripts.onepass.fit import Arrays, Fit, shuffled_batches


class PrincipalComponents(Fit):
    """Covariances accumulated in float64 over the patch tokens of the first batches of a seeded order.

    Options: `facets` (token, query, key, value: heads side by side), `batches`, `batch_size`. The result, by facet: mean
    [L, D], components [L, D, D] (rows, by falling variance; the entry of the largest size is positive) and variance [L, D],
    that of a population.
    """

    name = "principal_components"

    def __init__(self, n_layers: int, **options: Any) -> None:
        super().__init__(n_layers, **options)
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def batches(self, n_images: int, seed: int) -> Iterator[np.ndarray]:
        """Yield shuffled batches."""
        return shuffled_batches(n_images, self.options["batch_size"], self.options["batches"], seed)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's sums and products of patch features."""
        for facet in self.options["facets"]:
            values = facet_of(view, facet)[:, view.n_prefix :].flatten(0, 1).double()
            for key, value in ((f"{facet}_sum", values.sum(0)), (f"{facet}_product", values.T @ values)):
                if key not in self._sums:
                    self._sums[key] = value.new_zeros(self.n_layers, *value.shape)
                # Those of a state that was read are on the CPU.
                self._sums[key] = self._sums[key].to(value.device)
                self._sums[key][view.index - 1] += value
        if view.index == self.n_layers:
            self._count += len(values)

    def state(self) -> Arrays:
        """Return the sums."""
        return {"count": np.array([self._count], np.int64), **{key: v.cpu().numpy() for key, v in self._sums.items()}}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take the sums."""
        self._count = int(arrays["count"][0])
        self._sums = {key: torch.from_numpy(value.copy()) for key, value in arrays.items() if key != "count"}

    def result(self) -> Arrays:
        """Return mean, components and variance of every facet."""
        found = {}
        for facet in self.options["facets"]:
            total, product = (self._sums[f"{facet}_{kind}"].cpu().numpy() for kind in ("sum", "product"))
            names = (f"{facet}_{kind}" for kind in ("mean", "components", "variance"))
            found |= dict(zip(names, principal_components(total, product, self._count), strict=True))
        return found


def principal_components(total: np.ndarray, product: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the exact principal components of features that were summed up.

    Args:
        total: [..., D] float64 sum of the features.
        product: [..., D, D] float64 sum of the outer products of each feature with itself.
        count: how many features.

    Returns:
        mean [..., D]; components [..., D, D], rows by falling variance, the entry of the largest size positive; variance
        [..., D], that of a population.
    """
    mean = total / count
    variance, vectors = np.linalg.eigh(product / count - mean[..., :, None] * mean[..., None, :])
    components = np.swapaxes(vectors[..., ::-1], -1, -2)
    largest = np.take_along_axis(components, np.abs(components).argmax(-1)[..., None], -1)
    return mean, components * np.sign(largest), variance[..., ::-1].clip(0)
