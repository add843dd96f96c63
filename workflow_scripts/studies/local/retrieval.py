"""Retrieval of the patches of altered images among those of all originals (Vanyan et al., section 5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.alterations import Alteration, Blur, Move, Rotation, Scale, Shift
from workflow_scripts.metrics.exact_neighbours import COSINE as BY_COSINE
from workflow_scripts.metrics.exact_neighbours import EUCLIDEAN, nearest_without
from workflow_scripts.metrics.feature_variance import feature_moments, removal_order
from workflow_scripts.metrics.patch_retrieval import (
    BACKGROUND,
    CATEGORIES,
    NOWHERE,
    category_counts,
    retrieved_categories,
    rotated_cells,
    scaled_cells,
    shifted_cells,
    upper_bound,
)
from workflow_scripts.studies.local.conditions import COSINE, NN, setting
from workflow_scripts.studies.local.patch_sets import FACET, PatchSet, patch_set, stored_features
from workflow_scripts.studies.local.removal import require_fewer, variance_rows
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row

_GALLERY = "gallery"


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield of what kind the nearest patches are, the bounds, the variances and what the tiles hold.

    Raises:
        AtlasError: an image is more than one tile, or no patch shows an object.
    """
    passed = passes[_GALLERY]
    gallery = patch_set(passed)
    if gallery.tiles != (1, 1):
        raise AtlasError(f"local.retrieval.tile: images of {passed.dataset} are {gallery.tiles} tiles; set it to their side")
    side, cells = settings["tile"], gallery.grid[0]
    groups = passed.reader.dense_groups()
    of_class = _objects(groups)
    group = np.array([-1, *(sorted(set(groups)).index(name) for name in groups if name)])
    said = {"dataset": passed.dataset, "facet": FACET, "layer": passed.made["n_layers"]}
    features = gallery.features[:, -1]
    _, variance = feature_moments(features)
    require_fewer(settings["removed"], len(variance))
    counts = (0, settings["removed"])
    order = removal_order(variance)
    yield from variance_rows(variance, len(features), settings["removed"], said)
    yield from _held(gallery, said)

    labels, image = of_class[gallery.labels], np.arange(len(features)) // gallery.patches
    for name in passes:
        if name == _GALLERY:
            continue
        alteration = passes[name].view.alteration
        # What is not moved is labelled as the original.
        own = of_class[patch_set(passes[name]).labels] if isinstance(alteration, Move) else labels
        asked = np.flatnonzero(own != BACKGROUND)
        if not len(asked):
            raise AtlasError(f"{passed.dataset}: no patch shows an object; choose images with objects of several patches")
        same = _same(alteration, side, cells, len(gallery.counts))[asked]
        queries, own = stored_features(passes[name])[asked, -1], own[asked]
        words = {"altered": str(alteration)}
        yield {**said, "metric": "queries", "setting": setting(NN, **words), "value": len(asked), "n": len(asked)}
        if isinstance(alteration, Move):
            yield _share(said, "upper_bound", NN, upper_bound(same), len(asked), words)
        for rule, metric in ((NN, EUCLIDEAN), (COSINE, BY_COSINE)):
            index, _ = nearest_without(features, queries, order, counts, metric, device)
            for count, found in zip(counts, index, strict=True):
                kinds = retrieved_categories(found, same, labels[found], own, group)
                yield from _kinds(said, rule, kinds, words | {"without": count}, CATEGORIES)
        if isinstance(alteration, Blur):
            apart = (image, image[asked])
            index, _ = nearest_without(features, queries, order, counts, EUCLIDEAN, device, apart)
            for count, found in zip(counts, index, strict=True):
                kinds = retrieved_categories(found, np.full(len(found), NOWHERE), labels[found], own, group)
                yield from _kinds(said, NN, kinds, words | {"elsewhere": "yes", "without": count}, CATEGORIES[1:])


def _objects(groups: list[str]) -> np.ndarray:
    """Return the number of an object's class of each label that a patch may have, [256] int64; `BACKGROUND` of all others.

    Classes without a group are background, and so is void.
    """
    numbers = np.full(256, BACKGROUND, np.int64)
    objects = [label for label, name in enumerate(groups) if name]
    numbers[objects] = np.arange(1, len(objects) + 1)
    return numbers


def _same(alteration: Alteration | None, side: int, cells: int, images: int) -> np.ndarray:
    """Return which gallery patch each patch of altered images is, [n] int64, `NOWHERE` for none."""
    match alteration:
        case Shift(pixels):
            one = shifted_cells(pixels, side, cells)
        case Scale(percent):
            one = scaled_cells(f"{percent / 100:g}", cells)
        case Rotation(degrees):
            one = rotated_cells(degrees, cells)
        case _:
            one = np.arange(cells**2)
    each = np.arange(images)[:, None] * cells**2
    return np.where(one == NOWHERE, NOWHERE, each + one).ravel()


def _kinds(said: Row, rule: str, kinds: np.ndarray, words: dict[str, Any], named: tuple[str, ...]) -> Iterator[Row]:
    shares = category_counts(kinds) / len(kinds)
    for name in named:
        yield _share(said, "share", rule, shares[CATEGORIES.index(name)], len(kinds), words | {"kind": name})


def _share(said: Row, metric: str, rule: str, value: float, n: int, words: dict[str, Any]) -> Row:
    return {**said, "metric": metric, "setting": setting(rule, **words), "value": value, "n": n, "unit": "share"}


def _held(gallery: PatchSet, said: Row) -> Iterator[Row]:
    """Yield what the tiles hold of each class: its pixels, its patches, the tiles that show it (table 3)."""
    pixels = gallery.counts.sum((0, 1))
    patches = np.bincount(gallery.labels, minlength=len(gallery.classes))[: len(gallery.classes)]
    tiles = (gallery.counts.sum(1) > 0).sum(0)
    for number, name in enumerate(gallery.classes):
        words = {"setting": setting(NN, **{"class": name})}
        yield {**said, **words, "metric": "pixel_share", "value": pixels[number] / pixels.sum(), "n": pixels.sum()}
        yield {**said, **words, "metric": "patch_share", "value": patches[number] / patches.sum(), "n": patches.sum()}
        yield {**said, **words, "metric": "tiles", "value": tiles[number], "n": len(gallery.counts)}
