"""k-NN classification of images at several sizes, by CLS and by the mean of the patches, with all features and without some.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 6), after
the evaluation of Reed et al., "Scale-MAE" (ICCV 2023): training and test images of one size, up to three pairs of data sets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.feature_variance import feature_moments, kept_features, removal_order
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.neighbours import nearest_neighbours, vote, without_self
from workflow_scripts.studies.local.conditions import NEIGHBOURS, NN, setting
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, score_row

FACETS = ("cls", "mean_patch")
_COLLECTOR = "pooled_normed"


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield accuracies by data set, size and facet, with all features and without those of largest variance."""
    removed, seen = settings["removed"], set()
    for train, test in _pairs(passes):
        if (test.dataset, test.view_name) in seen:  # sizes that are the same in whole patches
            continue
        if not seen:
            yield _row(test, "cls", "removed_main", NN, removed, 1)
        seen.add((test.dataset, test.view_name))
        labels = _labels(train, test)
        for facet in FACETS:
            both = [one.mapped(_COLLECTOR, facet) for one in (train, test)]
            require_fewer(removed, both[0].shape[-1])
            order = removal_order(feature_moments(both[0][:, 0])[1])
            for count in (0, removed):
                kept = kept_features(order, count)
                hits = _hits(*(one[:, :, kept] for one in both), *labels, settings["neighbours"], train.dataset == test.dataset)
                low, high = bootstrap_means(hits[:, None].astype(float), seed=seed)
                said = setting(NEIGHBOURS, size=test.view.shape[0], without=count)
                columns = (float(hits.mean()), len(hits), low[0], high[0])
                scored = score_row(test.made["n_layers"] - 1, facet, "knn_accuracy", said, *columns)
                yield scored | {"dataset": test.dataset}
                yield _row(test, facet, "relative_size", said, _relative_size(test), len(hits))


def _pairs(passes: Passes) -> Iterator[tuple[Passed, Passed]]:
    """Yield the passes over training and test images, of each pair of data sets and size that this run has."""
    for name in passes:
        ask, _, size = name.partition("/")
        other = f"{ask.removesuffix('test')}train/{size}"
        if ask.endswith("test") and other in passes:
            yield passes[other], passes[name]


def _labels(train: Passed, test: Passed) -> list[np.ndarray]:
    """Return the classes of both by number, which is that of their name among all."""
    names = [one.samples["class"].to_numpy(str) for one in (train, test)]
    classes = np.unique(np.concatenate(names))
    return [np.searchsorted(classes, own) for own in names]


def _hits(bank: np.ndarray, queries: np.ndarray, bank_labels: np.ndarray, labels: np.ndarray, k: int, same: bool) -> np.ndarray:
    """Return whether each query is classified rightly by its k nearest neighbours, [n] bool.

    Args:
        bank: [m, 1, D] features.
        queries: [n, 1, D] features.
        bank_labels: [m] class indices.
        labels: [n] class indices.
        k: number of neighbours.
        same: whether both are the same images: none then votes for itself.
    """
    similarity, index = nearest_neighbours(bank, queries, k + same)
    if same:
        similarity, index = without_self(similarity, index, k)
    n_classes = int(max(bank_labels.max(), labels.max())) + 1
    return vote(similarity[0], bank_labels[index[0]], labels, [k], n_classes)[k][0]


def _relative_size(test: Passed) -> float:
    """Return the side of the seen images as a share of that of the images of the data set, their mean."""
    sizes = test.samples[["image_height", "image_width"]].to_numpy(int)
    return float(np.mean([test.view.scale((height, width)) for height, width in sizes.tolist()]))


def _row(test: Passed, facet: str, metric: str, said: str, value: float, n: int) -> Row:
    columns = {"layer": test.made["n_layers"], "facet": facet, "metric": metric, "setting": said, "dataset": test.dataset}
    return columns | {"value": value, "n": n, "unit": "features" if metric == "removed_main" else "share"}
