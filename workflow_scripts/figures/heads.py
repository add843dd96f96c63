"""Heads by kind: which heads of a model are of a kind, the example to show, and one aligned map on an axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.figures.data import FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.maps import concentration, mid_lines, mosaic, ratio_mosaic, show_cells
from workflow_scripts.figures.style import QUIET
from workflow_scripts.metrics.heads import uniform_aligned

KIND_NAMES = {
    "strict_local": "Strict local",
    "soft_local": "Soft local",
    "axial_local": "Axial local",
    "offset_local": "Offset local",
    "displaced": "Displaced",
    "global": "Global",
    "sparse_repeating": "Sparse repeating",
}

# The kinds that lie off their source, and how far: the metric.
FARTHEST = {"offset_local": "peak_offset_distance", "displaced": "offset_distance"}


def kinds(table: ModelTable) -> pd.DataFrame:
    """Return the kind of each head as rows (layer, head, kind).

    Raises:
        AtlasError: a head has two kinds, or one that is not in `KIND_NAMES`.
    """
    rows = table.select("head_kind", heads="each")
    rows = rows[rows["value"] > 0]
    for kind in rows["setting"]:
        if kind not in KIND_NAMES:
            raise AtlasError(f"{table.source}: metric 'head_kind' has the unknown kind '{kind}'{nearest(kind, KIND_NAMES)}")
    return rows[["layer", "head", "setting"]].rename(columns={"setting": "kind"}).reset_index(drop=True)


def with_metric(heads: pd.DataFrame, table: ModelTable, *metrics: str) -> pd.DataFrame:
    """Return `heads` with one more column per metric, its value for each (layer, head)."""
    for metric in metrics:
        values = table.select(metric, heads="each")[["layer", "head", "value"]].rename(columns={"value": metric})
        heads = heads.merge(values, on=["layer", "head"], how="left", validate="one_to_one")
    return heads


def example(heads: pd.DataFrame, kind: str) -> pd.Series | None:
    """Return the head to show for `kind`, or None if there is none.

    The head whose attention distance is the (lower) median of its kind; for offset heads the one whose maximum lies farthest
    off, for displaced heads the one whose centre of mass does. Ties go to the first layer and head.

    Args:
        heads: columns layer, head, kind, attention_distance, offset_distance, peak_offset_distance.
        kind: a key of `KIND_NAMES`.
    """
    heads = heads[heads["kind"] == kind]
    if heads.empty:
        return None
    if kind in FARTHEST:
        return heads.loc[heads[FARTHEST[kind]].idxmax()]
    ordered = heads.sort_values(["attention_distance", "layer", "head"])
    return ordered.iloc[(len(ordered) - 1) // 2]


def strongest_offset(heads: pd.DataFrame) -> pd.Series:
    """Return the head that is offset most, whatever its kind: by `FARTHEST`, or where no head is of these kinds by its maximum.

    Args:
        heads: columns layer, head, kind, offset_distance, peak_offset_distance.
    """
    of_kind = next((head for kind in FARTHEST if (head := example(heads, kind)) is not None), None)
    return heads.loc[heads[FARTHEST["offset_local"]].idxmax()] if of_kind is None else of_kind


def pair(data: FigureData, models_maps: Sequence[ModelMaps]) -> list[tuple[ModelTable, ModelMaps]]:
    """Return the table and the maps of each model that has maps, in the order of the models."""
    return [(data.table(maps.model), maps) for model in data.models for maps in models_maps if maps.model.id == model.id]


def aligned_map(maps: ModelMaps, layer: int, head: int) -> np.ndarray:
    """Return the aligned map [2R-1, 2C-1] of a 1-based layer and head.

    Raises:
        AtlasError: the maps have no such head.
    """
    aligned = maps.array("aligned")
    if layer > aligned.shape[0] or head > aligned.shape[1]:
        raise AtlasError(
            f"{maps.path}: no layer {layer}, head {head} (it has {aligned.shape[0]} x {aligned.shape[1]}), though the "
            f"model's table has; run this model again"
        )
    return aligned[layer - 1, head - 1]


def ratio_to_uniform(aligned: np.ndarray) -> np.ndarray:
    """Return an aligned map [2R-1, 2C-1] over that of uniform attention, which reaches near places from more tokens."""
    rows, columns = (side // 2 + 1 for side in aligned.shape)
    total = float(aligned.sum())
    return aligned / (total if total > 0 else 1.0) / uniform_aligned(rows, columns)


def show_aligned(axes: Axes, aligned: np.ndarray, marked: bool, ratio: bool = False) -> None:
    """Show one aligned map [2R-1, 2C-1], or its ratio to uniform attention, with red mid-lines if `marked`."""
    show_cells(axes, (ratio_mosaic(ratio_to_uniform(aligned)[None, None]) if ratio else mosaic(aligned[None, None])), 1, 1)
    axes.set(xticks=[], yticks=[])
    if marked:
        mid_lines(axes)


def show_nothing(axes: Axes, text: str) -> None:
    """Show that a model has no such head."""
    axes.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0), facecolor="#f4f4f4")
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, text, ha="center", va="center", color=QUIET, fontsize=6.5)


def chosen_heads(average: np.ndarray) -> np.ndarray:
    """Return for each layer the 0-based heads with the lowest, median and highest concentration, [L, 3].

    Of an even number of heads the lower of the two middle ones is the median. With fewer than three heads: all, [L, H].

    Args:
        average: [L, H, h, w] average maps.
    """
    order = concentration(average).argsort(axis=1, kind="stable")
    n_heads = order.shape[1]
    return order[:, [0, (n_heads - 1) // 2, n_heads - 1]] if n_heads >= 3 else order
