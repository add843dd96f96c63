"""The thesis' attention analysis: from the statistics of a pass to a table and to maps.

Definitions: Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 3 and appendix.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.heads import average_offset, head_kinds, peak, relative_reach
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.noise import ROWS, SCALINGS, SOURCES, noise_iou
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, mean_rows

ORACLE = "max over heads per image, then mean"
BEST_ON_AVERAGE = "mean over images, then max over heads"
MERGED = "heads merged"
PER_HEAD = "per head"
UNIT_SIDE = "longer side of the patch grid"
COLLECTORS = (
    "average_attention",
    "aligned_attention",
    "attention_distance",
    "spatial_to_cls",
    "attention_deviation",
    "top_token_share",
    "chosen_attention",
)

States = Mapping[str, Mapping[str, np.ndarray]]


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield every number of the attention analysis of one model, intervals by resampling images; without masks no IoU."""
    images = passes["images"]
    for row in attention_rows(_states(images), images.grid, seed):
        yield {**row, "facet": "attention", "dataset": images.dataset}
    if "masks" in passes:
        masks = passes["masks"]
        for row in _all_iou_rows(masks, seed):
            yield {**row, "facet": "attention", "dataset": masks.dataset}


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the average, aligned and single-image maps of a model (`attention_maps`), and the chosen images themselves.

    Returns:
        The arrays, with single_image [I, rows, columns, 3] uint8, and the metadata that reading them needs.
    """
    images = passes["images"]
    arrays = attention_maps(_states(images))
    chosen = [int(position) for position in images.state("chosen_attention")["cls.index"]]
    arrays["single_image"] = np.concatenate([images.crops(position, position + 1) for position in chosen])
    facts = {"n_images": images.made["n_images"], "n_prefix": images.made["n_prefix"]}
    facts |= dict(zip(("rows", "cols"), images.grid, strict=True))
    ids = [str(images.samples["id"].iloc[position]) for position in chosen]
    return arrays, {key: str(value) for key, value in facts.items()} | {"image_ids": json.dumps(ids)}


def attention_maps(states: States) -> dict[str, np.ndarray]:
    """Return the average, aligned and single-image maps of a model, float32.

    Args:
        states: arrays of the collectors average_attention, aligned_attention and chosen_attention.

    Returns:
        average_all, average_cls, average_spatial, average_spatial_pure [L, H, T]; aligned [L, H, 2R-1, 2C-1];
        single_cls [I, L, H, T]: the CLS rows of the chosen images.
    """
    average = states["average_attention"]
    n_images = float(average["n_images"][0])
    found = {f"average_{mode}": average[mode] / n_images for mode in ("all", "cls", "spatial", "spatial_pure")}
    aligned = states["aligned_attention"]
    found["aligned"] = aligned["aligned"] / float(aligned["n_images"][0])
    found["single_cls"] = states["chosen_attention"]["cls"]
    return {name: value.astype(np.float32) for name, value in found.items()}


def attention_rows(states: States, grid: tuple[int, int], seed: int) -> list[Row]:
    """Return all rows but those of the mask IoU.

    Args:
        states: arrays of the collectors of the pass.
        grid: (R, C) of the patch grid.
        seed: of the resampling of images.
    """
    return [
        *_per_head_and_mean("attention_distance", states["attention_distance"]["distance"], UNIT_SIDE, seed),
        *_per_head_and_mean("spatial_to_cls_attention", states["spatial_to_cls"]["cls"], "share", seed),
        *_per_head_and_mean("spatial_to_first_patch_attention", states["spatial_to_cls"]["first_patch"], "share", seed),
        *_per_head_and_mean("position_deviation", states["attention_deviation"]["position"], "share", seed),
        *_layers("head_deviation", states["attention_deviation"]["head"], "mean", "share", seed),
        *_per_head_and_mean("top_token_share", states["top_token_share"]["share"], "share", seed),
        *_shape_rows(attention_maps(states)["aligned"], states["top_token_share"]["share"].mean(0), grid),
        *_class_deviation(states["average_attention"]),
    ]


def _states(images: Passed) -> States:
    return {name: images.state(name) for name in COLLECTORS}


def _per_head_and_mean(metric: str, values: np.ndarray, unit: str, seed: int) -> list[Row]:
    """Rows of a per-image head metric [I, L, H]: each head, and the mean over heads."""
    rows = _layers(metric, values.mean(-1), "mean", unit, seed)
    low, high = bootstrap_means(values, seed=seed)
    means = values.astype(np.float64).mean(0)
    for layer, head in np.ndindex(*means.shape):
        ends = {"ci_low": low[layer, head], "ci_high": high[layer, head]}
        rows.append(_row(metric, layer, str(head + 1), means[layer, head], len(values), unit, **ends))
    return rows


def _layers(metric: str, values: np.ndarray, head: str, unit: str, seed: int, **more: Any) -> list[Row]:
    """Rows of a per-image layer metric [I, L]."""
    columns = {"head": head, "unit": unit, "setting": "", "higher_is_better": None} | more
    return list(mean_rows(values, metric, seed, **columns))


def _all_iou_rows(masks: Passed, seed: int) -> list[Row]:
    """Rows of the mask IoU, and of noise on the model's own grid with as many heads: noise has no layers.

    The random baseline is noise itself, and the study's own (`SOURCES`) is its IoU. That of the pass, whose rows sum to 1 as
    attention's do, has settings that say so.
    """
    states = masks.state("mask_iou")
    _, n_layers, n_heads = states["cls"].shape
    regions, _ = masks.truth("masks")
    truth = regions["object_mask"][regions["has_object"].astype(bool)].astype(bool)
    shape = {"grid": masks.grid, "n_prefix": masks.made["n_prefix"], "n_heads": n_heads, "seed": seed}
    rows = []
    for scaling in SCALINGS:
        noise = noise_iou(truth, scaling, n_layers=1, **shape)
        for source in ("cls", "spatial", "centre"):
            best = _layers(f"noise_iou_{source}", noise[source].max(-1), "best", "IoU", seed, setting=scaling)
            rows += [row | {"layer": None} for row in best]
    if masks.made["weights_sha256"]:
        return rows + _iou_rows(states, seed)
    return rows + _iou_rows(noise_iou(truth, SOURCES, n_layers=n_layers, **shape), seed) + _iou_rows(states, seed, f", {ROWS}")


def _iou_rows(states: Mapping[str, np.ndarray], seed: int, apart: str = "") -> list[Row]:
    """Rows of the mask IoU by every rule of pooling heads; `apart` ends the names of their settings."""
    rows = []
    for source in ("cls", "spatial", "centre"):
        metric, values = f"mask_iou_{source}", states[source]
        more = {"unit": "IoU", "higher_is_better": True}
        rows += _layers(metric, values.max(-1), "best", seed=seed, setting=ORACLE + apart, **more)
        rows += _layers(metric, states[f"{source}_merged"], "merged", seed=seed, setting=MERGED + apart, **more)
        means = values.astype(np.float64).mean(0)
        low, high = bootstrap_means(values, statistic=lambda draws: draws.max(-1), seed=seed)
        for layer, best in enumerate(means.max(-1)):
            ends = {"ci_low": low[layer], "ci_high": high[layer]}
            rows.append(_row(metric, layer, "best", best, len(values), setting=BEST_ON_AVERAGE + apart, **ends, **more))
        low, high = bootstrap_means(values, seed=seed)
        for layer, head in np.ndindex(*means.shape):
            ends = {"ci_low": low[layer, head], "ci_high": high[layer, head]}
            value = means[layer, head]
            rows.append(_row(metric, layer, str(head + 1), value, len(values), setting=PER_HEAD + apart, **ends, **more))
    return rows


def _shape_rows(aligned: np.ndarray, top_share: np.ndarray, grid: tuple[int, int]) -> list[Row]:
    """Rows of what the aligned maps show: where attention lies, how local it is, the kind of head that follows from both.

    No interval: a map is already a mean over images.
    """
    x, y, distance = average_offset(aligned)
    top = peak(aligned)
    shapes = {
        ("offset_x", UNIT_SIDE): x,
        ("offset_y", UNIT_SIDE): y,
        ("offset_distance", UNIT_SIDE): distance,
        ("peak_offset_x", UNIT_SIDE): top.x,
        ("peak_offset_y", UNIT_SIDE): top.y,
        ("peak_offset_distance", UNIT_SIDE): np.hypot(top.x, top.y),
        ("peak_share", "share"): top.share,
        ("relative_reach", "ratio"): relative_reach(aligned),
    }
    kinds = head_kinds(aligned, top_share, grid)
    rows = []
    for layer, head in np.ndindex(*kinds.shape):
        place = (layer, str(head + 1))
        rows += [_row(metric, *place, values[layer, head], None, unit) for (metric, unit), values in shapes.items()]
        rows.append(_row("head_kind", *place, 1.0, None, "", setting=str(kinds[layer, head])))
    return rows


def _class_deviation(average: Mapping[str, np.ndarray]) -> list[Row]:
    """Rows of the population standard deviation over classes of the per-class ``all`` maps, mean over tokens."""
    if "class_all" not in average:
        return []
    images = average["class_images"][0]
    seen = images > 0
    class_maps = average["class_all"][:, seen] / images[seen][None, :, None, None]
    deviation = class_maps.std(1).mean(-1)
    return [
        _row("class_deviation", layer, str(head + 1), deviation[layer, head], int(seen.sum()), "share")
        for layer, head in np.ndindex(*deviation.shape)
    ]


def _row(metric: str, layer: int, head: str, value: float, n: int | None, unit: str, setting: str = "", **more: Any) -> Row:
    row = {"metric": metric, "layer": layer + 1, "head": head, "value": float(value), "unit": unit, "setting": setting}
    return row | {"n": n, "higher_is_better": None} | more
