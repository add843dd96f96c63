"""Accuracy of k-NN classification against the number of neighbours, one panel per kind of supervision."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.by_supervision import panels_by_supervision
from workflow_scripts.figures.curves import Curve, baseline_rows, curve_frame
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import ModelStyle

CHOOSING = 20  # the best layer is chosen once, at this k: curves over k then differ by k alone


def draw(data: FigureData) -> Drawn:
    """Draw each model's best layer; a row of panels per dataset."""
    settings = {setting for table in data.tables for setting in table.settings("knn_top1")}
    neighbours = sorted({int(setting.removeprefix("k = ")) for setting in settings} | {CHOOSING})
    curves = {k: Curve("knn_top1", facet="cls", setting=f"k = {k}") for k in neighbours}
    shelves, frames = [], []
    for dataset in curves[CHOOSING].datasets(data):
        values = {}
        for table in data.tables:
            rows = {k: curve.rows(table, dataset).assign(k=k) for k, curve in curves.items()}
            values[table.model.id] = _summary(table.model, rows)
            frames += [curve_frame(table.model, chosen) for chosen in _chosen(table.model, rows)]
        shelves.append((dataset, values))

    def number_neighbours(axes: Axes) -> None:
        axes.set_xscale("log")
        axes.set_xticks(neighbours, map(str, neighbours))
        axes.minorticks_off()

    label, x_label = "k-NN top-1 accuracy", "Neighbours k (log scale)"
    axis = (x_label, _neighbours, number_neighbours, "k")
    figure, means = panels_by_supervision(data, shelves, label, *axis, _plot_random)
    return Drawn(figure, pd.concat([*frames, *means], ignore_index=True))


def _neighbours(_: RunModel, rows: pd.DataFrame) -> np.ndarray:
    return rows["k"].to_numpy(float)


def _plot_random(axes: Axes, style: ModelStyle, rows: pd.DataFrame) -> None:
    axes.plot(rows["k"], rows["value"], color=style.colour, linestyle=style.dash, linewidth=1.3, zorder=2.6)


def _chosen(model: RunModel, rows: dict[int, pd.DataFrame]) -> list[pd.DataFrame]:
    """Return for each k the row of the best layer; of the random baseline the rows that its level averages."""
    if model.random:
        return [baseline_rows(one) for one in rows.values()]
    best = rows[CHOOSING].loc[rows[CHOOSING]["value"].idxmax(), "layer"]
    return [one[one["layer"] == best] for one in rows.values()]


def _summary(model: RunModel, rows: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per k with its value and interval (the random baseline has none)."""
    chosen = _chosen(model, rows)
    if model.random:
        return pd.DataFrame(
            {"k": list(rows), "value": [one["value"].mean() for one in chosen], "ci_low": np.nan, "ci_high": np.nan}
        )
    return pd.concat(chosen, ignore_index=True)
