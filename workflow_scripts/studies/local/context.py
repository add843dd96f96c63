"""How much the feature of one central patch says of the whole tile: shares of classes by ridge regression (section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.metrics.feature_variance import feature_moments, kept_features, removal_order
from workflow_scripts.metrics.ridge import fit_ridge, r_squared
from workflow_scripts.studies.local.conditions import RIDGE, setting
from workflow_scripts.studies.local.patch_sets import FACET, PatchSet, patch_set
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield R squared of every class and their mean, for all features, all but those of largest variance, random ones, those.

    Raises:
        AtlasError: the dataset has no class of a name.
    """
    train, test = patch_set(passes["train"]), patch_set(passes["test"])
    images = train.first(settings["images"])
    wanted = _numbers(settings["classes"], train.classes, passes["train"].dataset)
    order = removal_order(feature_moments(train.features[train.labelled(images), -1])[1])
    width = len(order)
    removed = settings["removed"]
    require_fewer(removed, width)
    rng = np.random.default_rng(seed)
    sets = {
        "": [np.arange(width)],
        "without top": [kept_features(order, removed)],
        "random": [np.sort(rng.permutation(width)[:removed]) for _ in range(settings["draws"])],
        "top": [np.sort(order[:removed])],
    }
    tiles = images * train.shares.shape[1]
    (seen, told), (queries, truth) = (_central(one, wanted) for one in (train, test))
    for name, draws in sets.items():
        scores = [
            r_squared(fit_ridge(seen[:tiles, one], told[:tiles], settings["penalty"]).predict(queries[:, one]), truth)
            for one in draws
        ]
        yield from _score_rows(np.mean(scores, 0), name, settings["classes"], passes, len(queries))


def _score_rows(scores: np.ndarray, features: str, classes: Sequence[str], passes: Passes, n: int) -> Iterator[Row]:
    said = {"dataset": passes["test"].dataset, "facet": FACET, "layer": passes["test"].made["n_layers"], "n": n}
    said |= {"metric": "r2", "unit": "", "higher_is_better": True}
    for name, value in [*zip(classes, scores, strict=True), ("", scores.mean())]:
        yield {**said, "setting": setting(RIDGE, features=features, **{"class": name}), "value": value}


def _central(patches: PatchSet, classes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the features [tiles, D] of the central patches of all tiles and the shares [tiles, classes] there."""
    rows, columns = patches.grid
    centre = (rows // 2) * columns + columns // 2
    shares = patches.shares.reshape(-1, len(patches.classes))
    return np.array(patches.features[centre :: rows * columns, -1]), shares[:, classes]


def _numbers(names: Sequence[str], known: Sequence[str], dataset: str) -> list[int]:
    if unknown := [name for name in names if name not in known]:
        raise AtlasError(f"local.context.classes: {dataset} has no class '{unknown[0]}'{nearest(unknown[0], known)}")
    return [known.index(name) for name in names]
