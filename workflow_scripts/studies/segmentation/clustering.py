"""Clusters of pixels as classes, and how far they are positions, at every layer and facet, as rows and maps.

Yu et al., "Unsupervised Semantic Segmentation Facilitates Model Understanding" (arXiv 2605.29691v1), sections 3.1 and 3.2.

Facets: key, query, value and token; `token` is the block's output, in the last layer after the final norm, and `token_raw` that
of the last layer before it. A codebook may be of some of them.

Matching and IoU are over all pixels of the whole test set; their intervals are over images: the same counts of resampled
images, each resample matched anew. A matching is the best for its images, and the fewer different images the better it can be:
the intervals lie rather above their numbers than around them. NMI has none: counts of clusters by place would be needed of
every resample, hundreds of times as many numbers as those of clusters by class.

With more clusters than classes there are two rules, both in the table: `miou` matches one to one, and pixels of clusters that
are left over count as missed; in `miou_merged` each cluster that is left over joins the class that it overlaps most.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.data.class_maps import VOID
from workflow_scripts.metrics.class_maps import (
    LEFT_OVER,
    class_iou,
    match_clusters,
    match_one_to_one,
    mean_iou,
    resampled_iou,
)
from workflow_scripts.metrics.intervals import percentiles
from workflow_scripts.metrics.position_information import (
    canvas_points,
    class_entropy,
    class_information,
    information_bias,
    normalised_information,
    position_counts,
    shuffled,
)
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row
from workflow_scripts.studies.segmentation.colours import aggregate

FACETS = ("key", "query", "value", "token")
RAW = "token_raw"
TRUTH = "ground truth"  # the facet of the labels themselves, which have no layer
SHUFFLED = "shuffled positions"
MERGED = "_merged"  # behind the name of a metric: clusters that are left over joined a class


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield mean and class IoU and information of the position of every layer and facet, and that of the ground truth."""
    images = passes["images"]
    counted, names = images.state("cluster_maps"), _class_names(images)
    n_images = int(counted["n_images"][0])
    yield from class_rows(images)
    for facet in _facets(counted):
        for layer, (counts, places) in enumerate(_layers(counted, facet), start=1):
            columns = {"layer": layer, "facet": facet, "n": n_images, "dataset": images.dataset}
            yield from _place_rows(places, match_clusters(counts), names, columns)
    yield from _truth_rows(images, names, settings["canvas"], seed)


def class_rows(images: Passed) -> Iterator[Row]:
    """Yield mean and class IoU of every layer and facet of segmented images, by each rule that makes a difference."""
    counted, names = images.state("cluster_maps"), _class_names(images)
    for facet in (*_facets(counted), *([RAW] if f"{RAW}_counts" in counted else [])):
        layers = list(enumerate(zip(counted[f"{facet}_counts"], counted[f"{facet}_draws"], strict=True), start=1))
        for layer, (counts, draws) in layers[-1:] if facet == RAW else layers:
            columns = {"layer": layer, "facet": facet, "n": int(counted["n_images"][0]), "dataset": images.dataset}
            yield from _iou_rows(counts, draws, match_one_to_one, "", names, columns)
            if len(counts) > len(names):
                yield from _iou_rows(counts, draws, match_clusters, MERGED, names, columns)


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return example images and their classes, measured and true, and the aggregate map of every facet and layer.

    Arrays: single_image [E, H, W, 3] uint8; truth_map [E, h, w] and {facet}_map [E, L, h, w] uint8, classes, 255 for none;
    truth_aggregate [h, w, 3] and {facet}_aggregate [L, h, w, 3] uint8 colours. Facts: image_ids and class_names, JSON.
    """
    images = passes["images"]
    counted, names = images.state("cluster_maps"), _class_names(images)
    truth, shape = _truth_maps(images, settings["canvas"])
    facets = _facets(counted)
    examples = counted[f"{facets[0]}_map.index"]
    arrays = {
        "single_image": np.concatenate([images.crops(place, place + 1) for place in examples.tolist()]),
        "truth_map": truth[examples].reshape(-1, *shape),
        "truth_aggregate": aggregate(position_counts(truth, len(names))).reshape(*shape, 3),
    }
    for facet in facets:
        clusters = counted[f"{facet}_map"]
        shown, together = np.empty(clusters.shape, np.uint8), []
        for layer, (counts, places) in enumerate(_layers(counted, facet)):
            named = match_clusters(counts)
            shown[:, layer] = np.where(named == LEFT_OVER, VOID, named)[clusters[:, layer]]
            together.append(aggregate(_by_class(places, named, len(names))))
        arrays[f"{facet}_map"] = shown.reshape(*shown.shape[:2], *shape)
        arrays[f"{facet}_aggregate"] = np.stack(together).reshape(-1, *shape, 3)
    ids = images.samples["id"].iloc[examples].tolist()
    return arrays, {"image_ids": json.dumps(ids), "class_names": json.dumps(names)}


def _facets(counted: Mapping[str, np.ndarray]) -> list[str]:
    """Return the facets that have codebooks at every layer."""
    return [facet for facet in FACETS if f"{facet}_counts" in counted]


def _layers(counted: Mapping[str, np.ndarray], facet: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield cluster-by-class and cluster-by-place counts of every layer."""
    return zip(counted[f"{facet}_counts"], counted[f"{facet}_places"], strict=True)


def _class_names(images: Passed) -> list[str]:
    return images.truth("classes")[1]["names"]


def _truth_maps(images: Passed, canvas: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the classes at the points of the canvas, [n, P] uint8, and how many (rows, columns) these are."""
    classes = images.truth("classes")[0]["classes"]
    rows, columns = canvas_points(classes.shape[1:], canvas)
    seen = classes[:, rows][:, :, columns]
    return seen.reshape(len(seen), -1), (len(rows), len(columns))


def _by_class(places: np.ndarray, named: np.ndarray, n_classes: int) -> np.ndarray:
    """Return cluster-by-place counts [K, P] as class-by-place counts [C, P]; clusters that stand for no class are left out."""
    merged = np.zeros((n_classes, places.shape[1]))
    kept = named != LEFT_OVER
    np.add.at(merged, named[kept], places[kept])
    return merged


def _iou_rows(
    counts: np.ndarray,
    draws: np.ndarray,
    match: Callable[[np.ndarray], np.ndarray],
    rule: str,
    names: list[str],
    columns: Row,
) -> Iterator[Row]:
    """Yield mean IoU and that of each class by a rule of matching, with their intervals over images."""
    named = match(counts)
    (low, high), (lows, highs) = map(percentiles, resampled_iou(draws, match))
    share = {"unit": "share", "higher_is_better": True, **columns}
    yield {"metric": f"miou{rule}", "setting": "", "value": mean_iou(counts, named), "ci_low": low, "ci_high": high, **share}
    for name, value, *ends in zip(names, class_iou(counts, named), lows, highs, strict=True):
        own = dict(zip(("ci_low", "ci_high"), ends, strict=True))
        yield {"metric": f"class_iou{rule}", "setting": name, "value": value, **own, **share}


def _place_rows(places: np.ndarray, named: np.ndarray, names: list[str], columns: Row) -> Iterator[Row]:
    """Yield NMI of clusters and position, its bias, and the information of each class's own clusters."""
    share = {"unit": "share", "higher_is_better": False, **columns}
    yield {"metric": "nmi", "setting": "", "value": normalised_information(places), **share}
    yield {"metric": "nmi_bias", "setting": "", "value": _bias(places, columns["n"]), **share}
    information = class_information(places)
    for number, name in enumerate(names):
        value = float(information[named == number].sum())
        yield {"metric": "class_information", "setting": name, "value": value, **columns, "unit": "nats"}


def _bias(places: np.ndarray, n_images: int) -> float:
    """Return how much of the NMI so few images make by themselves, in the unit of NMI."""
    entropy = class_entropy(places)
    occupied = int(places.any(1).sum())
    return information_bias(occupied, places.shape[1], n_images) / entropy if entropy else 0.0


def _truth_rows(images: Passed, names: list[str], canvas: int, seed: int) -> Iterator[Row]:
    """Yield the NMI of the ground truth with position: as it is, and with the positions of every image shuffled."""
    truth, _ = _truth_maps(images, canvas)
    columns = {"facet": TRUTH, "n": len(truth), "dataset": images.dataset}
    counts = position_counts(truth, len(names))
    for setting, places in (("", counts), (SHUFFLED, position_counts(shuffled(truth, seed), len(names)))):
        value = normalised_information(places)
        yield {"metric": "nmi", "setting": setting, "value": value, "unit": "share", "higher_is_better": False, **columns}
    for name, value in zip(names, class_information(counts), strict=True):
        yield {"metric": "class_information", "setting": name, "value": value, "unit": "nats", **columns}
