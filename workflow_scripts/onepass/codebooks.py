"""Codebooks: K centroids of the patch features of every layer and facet, fitted online with the cosine k-means loss.

Yu et al. (arXiv 2605.29691v1, section 3.1 and A.2), after the public code of Hahn et al. (PriMaPs) and Hamilton et al. (STEGO).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.facets import facet_of
from workflow_scripts.onepass.fit import Arrays, Fit, shuffled_batches
from workflow_scripts.onepass.principal_components import principal_components

NORMED = "token_normed"  # the last layer's tokens after the final norm; the last layer alone has them
_MOMENTS = ("exp_avg", "exp_avg_sq")  # what Adam remembers of each centroid


class Codebooks(Fit):
    """Centroids that start as principal directions and are then moved by Adam, all layers and facets in one reading.

    `pca_batches` batches of the seeded order, the first and then each `pca_interval`-th, give the start: the K directions of
    largest variance of the raw features (covariance in float64; the entry of the largest size of each is positive, because a
    centroid and its negative start in opposite half-spaces). The `steps` batches behind the first `pca_batches`, whatever the
    interval, are one step each of Adam (default betas) down the loss - mean over patches of max over k of cos(f, c_k). The last
    centroids are the result: nothing is selected by a score.

    Options: `facets` (token, query, key, value: heads side by side; "token_normed", the last layer's tokens after the
    final norm), `clusters` (K), `steps`, `batch_size`, `pca_batches`, `pca_interval`, `learning_rate`. The result, by facet,
    with L layers (1 of token_normed): the facet's name [L, K, D] float32 centroids, of any length, and {facet}_loss [L, steps]
    float32.
    """

    name = "codebooks"

    def __init__(self, n_layers: int, **options: Any) -> None:
        super().__init__(n_layers, **options)
        self._layers = {facet: 1 if facet == NORMED else n_layers for facet in options["facets"]}
        self._sums: dict[str, Tensor] = {}
        self._patches = 0
        self._done = 0  # batches taken in
        self._centroids: dict[str, Tensor] = {}
        self._adam: torch.optim.Adam | None = None
        shapes = {f"{facet}_loss": (layers, options["steps"]) for facet, layers in self._layers.items()}
        self._loss = {key: np.zeros(shape, np.float32) for key, shape in shapes.items()}

    def batches(self, n_images: int, seed: int) -> Iterator[np.ndarray]:
        """Yield shuffled batches: first those of the start, then one a step; no more than are used."""
        size, first, interval = (self.options[name] for name in ("batch_size", "pca_batches", "pca_interval"))
        yield from islice(shuffled_batches(n_images, size, first * interval, seed), 0, None, interval)
        yield from islice(shuffled_batches(n_images, size, first + self.options["steps"], seed), first, None)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the layer's features to the covariances of the start, or to the gradient of the step."""
        starting = self._done < self.options["pca_batches"]
        for facet, layers in self._layers.items():
            if layers == self.n_layers or view.index == self.n_layers:
                features = facet_of(view, facet)[:, view.n_prefix :].flatten(0, 1)
                place = view.index - 1 if layers > 1 else 0
                if starting:
                    self._add(facet, place, features.double())
                else:
                    self._descend(facet, place, features.float())
        if view.index < self.n_layers:
            return
        self._done += 1
        if starting:
            self._patches += len(features)
            if self._done == self.options["pca_batches"]:
                self._start()
        else:
            assert self._adam is not None
            self._adam.step()
            self._adam.zero_grad()

    def _add(self, facet: str, place: int, features: Tensor) -> None:
        for key, value in ((f"{facet}_sum", features.sum(0)), (f"{facet}_product", features.T @ features)):
            if key not in self._sums:
                self._sums[key] = value.new_zeros(self._layers[facet], *value.shape)
            self._sums[key] = self._sums[key].to(value.device)  # those of a state that was read are on the CPU
            self._sums[key][place] += value

    def _start(self) -> None:
        """Take the first K principal directions as centroids."""
        clusters, centroids = self.options["clusters"], {}
        for facet in self._layers:
            total, product = (self._sums[f"{facet}_{kind}"] for kind in ("sum", "product"))
            if clusters > total.shape[-1]:
                raise AtlasError(
                    f"codebooks: {clusters} clusters, but features of {total.shape[-1]} dimensions have no more principal "
                    "directions to start from; ask for fewer clusters"
                )
            _, components, _ = principal_components(total.cpu().numpy(), product.cpu().numpy(), self._patches)
            # In row order, as a state is read back: sums over other strides differ in their last bits.
            start = np.ascontiguousarray(components[:, :clusters], np.float32)
            centroids[facet] = torch.from_numpy(start).to(total.device)
        self._sums = {}
        self._train(centroids)

    def _train(self, centroids: Mapping[str, Tensor]) -> None:
        self._centroids = {facet: value.clone().requires_grad_() for facet, value in centroids.items()}
        self._adam = torch.optim.Adam(list(self._centroids.values()), lr=self.options["learning_rate"])

    def _descend(self, facet: str, place: int, features: Tensor) -> None:
        """Add the gradient of one layer's loss; features of other layers are no part of it."""
        centroids = self._on(features.device, facet)
        cosines = normalize(features, dim=-1) @ normalize(centroids[place], dim=-1).T
        loss = -cosines.max(-1).values.mean()
        loss.backward()
        self._loss[f"{facet}_loss"][place, self._done - self.options["pca_batches"]] = loss.item()

    def _on(self, device: torch.device, facet: str) -> Tensor:
        """Return a facet's centroids on the device of the features: those of a state that was read are on the CPU."""
        centroids = self._centroids[facet]
        if centroids.device != device:
            state = self.state()
            self._train({name: value.detach().to(device) for name, value in self._centroids.items()})
            self._remember(state)
        return self._centroids[facet]

    def state(self) -> Arrays:
        """Return the sums of the start, or centroids with what Adam remembers of them, and the losses."""
        arrays = {"done": np.array([self._done], np.int64), "patches": np.array([self._patches], np.int64), **self._loss}
        arrays |= {key: value.cpu().numpy() for key, value in self._sums.items()}
        for facet, centroids in self._centroids.items():
            assert self._adam is not None
            arrays[facet] = centroids.detach().cpu().numpy()
            for moment in _MOMENTS:
                known = self._adam.state[centroids].get(moment, torch.zeros_like(centroids))
                arrays[f"{facet}_{moment}"] = known.detach().cpu().numpy()
        return arrays

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go back to a `state`."""
        self._done, self._patches = int(arrays["done"][0]), int(arrays["patches"][0])
        self._loss = {key: arrays[key].copy() for key in self._loss}
        ends = ("_sum", "_product")
        self._sums = {key: torch.from_numpy(value.copy()) for key, value in arrays.items() if key.endswith(ends)}
        if self._done >= self.options["pca_batches"]:
            self._train({facet: torch.from_numpy(arrays[facet].copy()) for facet in self._layers})
            self._remember(arrays)

    def _remember(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Give Adam back what it knew after the steps taken so far."""
        steps = self._done - self.options["pca_batches"]
        if steps:
            assert self._adam is not None
            for facet, centroids in self._centroids.items():
                moments = {m: torch.from_numpy(arrays[f"{facet}_{m}"].copy()).to(centroids.device) for m in _MOMENTS}
                self._adam.state[centroids] = {"step": torch.tensor(float(steps)), **moments}

    def result(self) -> Arrays:
        """Return the centroids and the losses."""
        return {**{facet: value.detach().cpu().numpy() for facet, value in self._centroids.items()}, **self._loss}
