"""Classes of patches by their nearest labelled patch and by linear probes: what the analyses of dense labels share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.metrics.exact_neighbours import EUCLIDEAN, nearest_without
from workflow_scripts.metrics.feature_variance import feature_moments, removal_order
from workflow_scripts.metrics.linear_probe import Head, LinearProbes, fit_probes
from workflow_scripts.studies.local.conditions import NN, setting
from workflow_scripts.studies.local.patch_sets import FACET, PatchSet
from workflow_scripts.studies.local.removal import require_fewer, variance_rows
from workflow_scripts.studies.rows import Row


class Gallery:
    """The labelled patches of the first `images` training images in one layer, and the order in which features are removed.

    That order is by variance over these patches, void ones left out.
    """

    def __init__(self, train: PatchSet, images: int, place: int = -1) -> None:
        """Take the patches; `place` is the layer's among the stored ones."""
        rows = train.labelled(images)
        self.classes = train.labels[rows].astype(np.int64)
        self.features = train.features[rows, place]
        self.mean, self.variance = feature_moments(self.features)
        self.order = removal_order(self.variance)

    def predict(
        self, queries: np.ndarray, removals: Sequence[int] = (0,), metric: str = EUCLIDEAN, device: str = "cpu"
    ) -> np.ndarray:
        """Return the class of the nearest patch of queries [n, D] without the first features of the order, [M, n] int64."""
        index, _ = nearest_without(self.features, queries, self.order, removals, metric, device)
        return self.classes[index]

    def rows(self, dataset: str, layer: int, removed: int) -> Iterator[Row]:
        """Yield the rows that say what the gallery is."""
        said = {"dataset": dataset, "facet": FACET, "layer": layer}
        yield from variance_rows(self.variance, len(self.features), removed, said)
        yield {**said, "metric": "train_patches", "setting": setting(NN), "value": len(self.features), "n": len(self.features)}


def possible_removals(removals: Sequence[int], removed: int, width: int) -> list[int]:
    """Return 0, `removed` and those of `removals` that leave a model of `width` features any, ascending."""
    require_fewer(removed, width)
    if left_out := [count for count in removals if count >= width]:
        print(f"removals {left_out}: left out, they leave nothing of {width} features", file=sys.stderr, flush=True)
    return sorted({0, removed, *(count for count in removals if count < width)})


def fit(
    train: PatchSet, images: int, places: Sequence[int], settings: Mapping[str, Any], seed: int, device: str, **how: Any
) -> LinearProbes:
    """Return linear probes of the layers at `places` of the stored ones, as the settings say (`rate`, `epochs`, `batch`).

    Args:
        train: the training set.
        images: its first images, which are learnt from.
        places: of the layers.
        settings: of the analysis.
        seed: of the order of patches.
        device: of the arithmetic.
        **how: `batch_norm`; `order` [places, D], in which `heads` do without features.
    """
    rows = train.labelled(images)
    features = train.features[rows[:, None], np.asarray(places)]
    width = features.shape[2]
    how = {"order": np.tile(np.arange(width), (len(places), 1)), "heads": (Head(0, settings["rate"]),)} | how
    return fit_probes(
        features,
        train.labels[rows].astype(np.int64),
        len(train.classes),
        epochs=settings["epochs"],
        batch=settings["batch"],
        seed=seed,
        device=device,
        **how,
    )


def with_batch_norm(model: str, settings: Mapping[str, Any]) -> bool:
    """Return whether the study gives a model's probe batch normalisation."""
    chosen = settings["batch_norm_models"]
    return chosen is None or model in chosen
