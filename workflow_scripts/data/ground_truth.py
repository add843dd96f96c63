"""Ground truth as a pass needs it beside the crops, in files that know no dataset layout: on a patch grid, or in pixels.

Rows of the samples table (`data.crops`) are called images here; a position in the dataset is only used to ask the reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.class_maps import class_maps
from workflow_scripts.data.concept_lists import concept_lists
from workflow_scripts.data.reader import (
    ConceptReader,
    DenseReader,
    ObjectReader,
    PairReader,
    PartReader,
    Reader,
    TrackReader,
    VideoReader,
)
from workflow_scripts.data.tracked_boxes import tracked_boxes
from workflow_scripts.data.views import Size, View, shown_area, whole_grid

Arrays = dict[str, np.ndarray]
Reduced = tuple[Arrays, dict[str, str]]  # arrays and metadata of a file


def region_masks(
    reader: ObjectReader | PartReader,
    samples: pd.DataFrame,
    view: View,
    grid: Size,
    on_image: Callable[[int], None] = lambda done: None,
) -> Arrays:
    """Return object and part masks on the patch grid.

    Args:
        reader: a dataset with `objects`, `parts` or both.
        samples: the samples table of the crops.
        view: of the crops.
        grid: (R, C) of the patch grid of one crop.
        on_image: called with the number of images done.

    Returns:
        For each kind of region, ``object`` and ``part``, that the reader has, M regions that leave a trace on the grid:
        {kind}_image [M] int64, {kind}_label [M] int64, {kind}_cells [M] int64 and {kind}_values [sum of cells] uint8, the
        masks one after the other (255 is fully covered). If objects are there and all images have one grid: object_mask
        [n, N] uint8, 1 where any object leaves a trace (the study's rule, not a 50 % rule), and has_object [n] uint8.
    """
    kinds = {kind: ask for kind in ("object", "part") if (ask := getattr(reader, f"{kind}s", None))}
    image: dict[str, list[int]] = {kind: [] for kind in kinds}
    label: dict[str, list[int]] = {kind: [] for kind in kinds}
    masks: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
    for row, (position, height, width) in enumerate(zip(samples["position"], samples["height"], samples["width"], strict=True)):
        cells = whole_grid((height, width), view.shape, grid)
        for kind, ask in kinds.items():
            for region in ask(position):
                mask = geometry.grid_mask(view, region.mask, cells)
                if mask.any():
                    image[kind].append(row)
                    label[kind].append(region.label)
                    masks[kind].append(mask.ravel())
        on_image(row + 1)
    arrays: Arrays = {}
    for kind in kinds:
        arrays[f"{kind}_image"] = np.array(image[kind], np.int64)
        arrays[f"{kind}_label"] = np.array(label[kind], np.int64)
        arrays[f"{kind}_cells"] = np.array([len(mask) for mask in masks[kind]], np.int64)
        arrays[f"{kind}_values"] = np.concatenate([*masks[kind], np.empty(0, np.uint8)])
    if "object" in kinds and set(samples["n_crops"]) == {1}:
        union = np.zeros((len(samples), grid[0] * grid[1]), np.uint8)
        for row, mask in zip(image["object"], masks["object"], strict=True):
            union[row] |= mask > 0
        arrays |= {"object_mask": union, "has_object": union.any(1).astype(np.uint8)}
    return arrays


def first_labels(reader: VideoReader, samples: pd.DataFrame, view: View, grid: Size) -> Arrays:
    """Return what label propagation starts from.

    Args:
        reader: a dataset of videos.
        samples: the samples table of the crops.
        view: of the crops.
        grid: (R, C) of the patch grid of one crop.

    Returns:
        video [n], frame [n] int64: of every image the number of its video, from 0, and of its frame; per video channels
        [V] int64 (objects and background), cells [V, 2] int64 (rows and columns of its grid) and labels [sum of rows x
        columns] uint8, the maps of the first frames one after the other.

    Raises:
        AtlasError: a video's first frame is not among the samples, or its frames have several sizes.
    """
    names, numbers = zip(*(reader.frame(position) for position in samples["position"]), strict=True)
    videos = list(dict.fromkeys(names))
    maps, channels, cells = [], [], []
    for video in videos:
        rows = [row for row, name in enumerate(names) if name == video]
        sizes = {(samples["height"][row], samples["width"][row]) for row in rows}
        if numbers[rows[0]] != 0:
            raise AtlasError(f"video '{video}': its first frame is missing or was skipped; give it or leave the video out")
        if len(sizes) > 1:
            raise AtlasError(f"video '{video}': its frames have {len(sizes)} sizes; resize them to one")
        grid_size = whole_grid(sizes.pop(), view.shape, grid)
        truth = reader.object_map(samples["position"][rows[0]])
        maps.append(geometry.grid_labels(view, truth, grid_size).ravel())
        channels.append(int(truth.max()) + 1)
        cells.append(grid_size)
    number = {video: i for i, video in enumerate(videos)}
    return {
        "video": np.array([number[name] for name in names], np.int64),
        "frame": np.array(numbers, np.int64),
        "channels": np.array(channels, np.int64),
        "cells": np.array(cells, np.int64).reshape(-1, 2),
        "labels": np.concatenate(maps),
    }


def keypoint_pairs(reader: PairReader, samples: pd.DataFrame, view: View) -> Arrays:
    """Return the keypoint pairs in pixels of the crops.

    Args:
        reader: a dataset with keypoint pairs.
        samples: the samples table of the crops.
        view: of the crops.

    Returns:
        P pairs with K points in all: pair_source, pair_target [P] int64 images; pair_category [P] int64, indices into the
        sorted category names; pair_size [P] float32, the longer side of the target object's box; pair_area [P, 4] int64,
        where the target image lies in its crop (`data.views.shown_area`); point_pair [K] int64, ascending; point_source,
        point_target [K, 2] float32 (x, y). Pairs with an image that was skipped are left out.

    Raises:
        AtlasError: no pair is left.
    """
    sizes = list(zip(samples["image_height"], samples["image_width"], strict=True))
    row_of = {int(position): row for row, position in enumerate(samples["position"])}
    pairs = [pair for pair in reader.pairs() if pair.source in row_of and pair.target in row_of]
    if not pairs:
        raise AtlasError("no pair of keypoints is left; check the dataset and the images that were skipped")
    categories = category_names(reader)
    arrays: dict[str, list[Any]] = {
        name: [] for name in ("source", "target", "category", "size", "area", "point", "from", "to")
    }
    for number, pair in enumerate(pairs):
        source, target = row_of[pair.source], row_of[pair.target]
        x0, y0, x1, y1 = pair.target_box
        arrays["source"].append(source)
        arrays["target"].append(target)
        arrays["category"].append(categories.index(pair.category))
        arrays["size"].append(max(x1 - x0, y1 - y0) * view.scale(sizes[target]))
        arrays["area"].append(shown_area(view, sizes[target]))
        arrays["point"] += [number] * len(pair.source_xy)
        arrays["from"].append(geometry.points(view, pair.source_xy, sizes[source]))
        arrays["to"].append(geometry.points(view, pair.target_xy, sizes[target]))
    return {
        "pair_source": np.array(arrays["source"], np.int64),
        "pair_target": np.array(arrays["target"], np.int64),
        "pair_category": np.array(arrays["category"], np.int64),
        "pair_size": np.array(arrays["size"], np.float32),
        "pair_area": np.array(arrays["area"], np.int64),
        "point_pair": np.array(arrays["point"], np.int64),
        "point_source": np.concatenate(arrays["from"]).astype(np.float32),
        "point_target": np.concatenate(arrays["to"]).astype(np.float32),
    }


def category_names(reader: PairReader | Reader) -> list[str]:
    """Return the names of the categories of a dataset's keypoint pairs, sorted."""
    return sorted({pair.category for pair in reader.pairs()})


def _masks(
    reader: ObjectReader | PartReader, samples: pd.DataFrame, view: View, grid: Size, on_image: Callable[[int], None]
) -> Reduced:
    arrays = region_masks(reader, samples, view, grid, on_image)
    if not any(len(value) for name, value in arrays.items() if name.endswith("_label")):
        raise AtlasError("no masks; choose a dataset that has them")
    return arrays, {}


def _labels(reader: VideoReader, samples: pd.DataFrame, view: View, grid: Size, on_image: Callable[[int], None]) -> Reduced:
    return first_labels(reader, samples, view, grid), {}


def _pairs(reader: PairReader, samples: pd.DataFrame, view: View, grid: None, on_image: Callable[[int], None]) -> Reduced:
    return keypoint_pairs(reader, samples, view), {"categories": json.dumps(category_names(reader))}


def _classes(reader: DenseReader, samples: pd.DataFrame, view: View, grid: None, on_image: Callable[[int], None]) -> Reduced:
    return {"classes": class_maps(reader, samples, view, on_image)}, {"names": json.dumps(reader.dense_classes)}


def _concepts(reader: ConceptReader, samples: pd.DataFrame, view: View, grid: Size, on_image: Callable[[int], None]) -> Reduced:
    words = {"names": reader.concept_names, "categories": reader.concept_categories}
    return concept_lists(reader, samples, view, grid, on_image), {key: json.dumps(value) for key, value in words.items()}


def _boxes(reader: TrackReader, samples: pd.DataFrame, view: View, grid: None, on_image: Callable[[int], None]) -> Reduced:
    arrays, left_out = tracked_boxes(reader, samples, view, on_image)
    return arrays, {"names": json.dumps(reader.box_classes), "left_out": json.dumps(left_out)}


# Kind of file -> (reader, samples, view, patch grid of a crop, called with the number of images done) -> its content.
KINDS: dict[str, Callable[[Any, pd.DataFrame, View, Any, Callable[[int], None]], Reduced]] = {
    "masks": _masks,
    "labels": _labels,
    "pairs": _pairs,
    "classes": _classes,
    "concepts": _concepts,
    "boxes": _boxes,
}
