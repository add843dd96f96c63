"""Where high-norm patches are: beside patches like them, at which grid positions, off objects (Darcet et al., 2.2, App. A)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.binned_density import binned_mean, cosine_edges, scott_density
from workflow_scripts.metrics.token_norms import bins_above, norm_counts, share_by_position
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.registers.conditions import (
    BORDER,
    BORDER_SHARE,
    EVERY,
    FREQUENT,
    FREQUENT_FROM,
    HIGH,
    INSIDE,
    LARGEST_SHARE,
    NEIGHBOURS,
    NEIGHBOURS_OF_PATCH,
    NORMAL,
    OUTSIDE,
)
from workflow_scripts.studies.registers.cutoffs import chosen_cutoff
from workflow_scripts.studies.registers.ratios import mean_row
from workflow_scripts.studies.rows import Row

_COSINES, _NORMS = "neighbour_cosines", "patch_norms"
_POINTS = 200  # of a density curve


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield similarity to the neighbours by kind of patch, shares by position, and shares off objects."""
    images = passes["images"]
    norms = patch_norms(images)
    limit = chosen_cutoff(images.model, norm_counts(norms), settings)
    high = np.zeros(norms.shape, bool) if limit is None else norms > limit
    last = {"layer": images.made["n_layers"], "facet": "token"}
    here = {"dataset": images.dataset, **last}
    for kind, pairs in _pairs(images, limit).items():
        if pairs.sum():
            mean, n = float(binned_mean(pairs, cosine_edges())), int(pairs.sum())
            yield here | {"metric": NEIGHBOURS, "setting": kind, "value": mean, "n": n, "unit": "cosine"}
    means = images.state(_COSINES)["mean"][:, 0]
    for kind, chosen in ((NORMAL, ~high), (HIGH, high)):
        if chosen.any():
            yield here | mean_row(NEIGHBOURS_OF_PATCH, kind, means, chosen, "cosine", seed)
    border = np.broadcast_to(_border(images.grid).ravel(), high.shape)
    for where, cells in ((BORDER, border), (INSIDE, ~border)):
        if cells.any():
            yield here | mean_row(BORDER_SHARE, where, high, cells, "share", seed)
    shares = high.mean(0)
    for metric, value in ((LARGEST_SHARE, shares.max()), (FREQUENT, (shares > FREQUENT_FROM).mean())):
        yield here | {"metric": metric, "setting": "", "value": float(value), "n": len(shares), "unit": "share"}
    if "masked" in passes:
        masked = passes["masked"]
        yield from ({"dataset": masked.dataset, **last} | row for row in _outside_rows(masked, limit, seed))


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the share of images whose token is high by grid position, and densities of cosines with neighbours by kind.

    Arrays: share_by_position [rows, columns]; cosines [200], density_normal [200] and, where there are high-norm patches,
    density_high [200]. The cutoff is among the metadata, as JSON.
    """
    images = passes["images"]
    norms = patch_norms(images)
    limit = chosen_cutoff(images.model, norm_counts(norms), settings)
    shares = np.zeros(norms.shape[1]) if limit is None else share_by_position(norms, limit)
    at = np.linspace(-1, 1, _POINTS)
    arrays = {"share_by_position": shares.reshape(images.grid), "cosines": at}
    names = {NORMAL: "density_normal", HIGH: "density_high"}
    for kind, pairs in _pairs(images, limit).items():
        if pairs.sum() > 1:
            arrays[names[kind]] = scott_density(pairs, cosine_edges(), at)
    return arrays, {"cutoff": json.dumps(limit), "dataset": images.dataset}


def patch_norms(passed: Passed) -> np.ndarray:
    """Return the norms [I, N] float32 of all patch tokens of the last layer, before the final norm."""
    return passed.state(_NORMS)["token"][:, -1]


def _pairs(images: Passed, limit: float | None) -> dict[str, np.ndarray]:
    """Return the counts [400] of cosines of single pairs of a patch and a neighbour, by the kind of the patch."""
    pairs = images.state(_COSINES)["pairs"][0]
    start = len(pairs) if limit is None else bins_above(limit)
    return {NORMAL: pairs[:start].sum(0), HIGH: pairs[start:].sum(0)}


def _border(grid: tuple[int, int]) -> np.ndarray:
    """Return which cells are of the outermost ring, [rows, columns] bool."""
    cells = np.ones(grid, bool)
    cells[1:-1, 1:-1] = False
    return cells


def _outside_rows(masked: Passed, limit: float | None, seed: int) -> Iterator[Row]:
    """Yield the share of high-norm patches, and of all patches, on which no object leaves a trace."""
    arrays, _ = masked.truth("masks")
    outside = arrays["object_mask"] == 0
    norms = patch_norms(masked)
    kinds = {EVERY: np.ones(norms.shape, bool)} | ({} if limit is None else {HIGH: norms > limit})
    for kind, chosen in kinds.items():
        if chosen.any():
            yield mean_row(OUTSIDE, kind, outside, chosen, "share", seed)
