"""Best scores: of each model the layer at which a curve is highest, and horizontal bars of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import Curve, baseline_rows
from workflow_scripts.figures.data import FigureData
from workflow_scripts.figures.style import INK, QUIET, ModelStyle


def best_scores(data: FigureData, curve: Curve, dataset: str | None) -> pd.DataFrame:
    """Return each model's highest value over layers (the first layer of equals), one row a model, in order.

    The random baseline has no best layer: its row is the mean of the layers that its level averages, `layer` is NA.

    Raises:
        AtlasError: a model's table has no such rows.
    """
    frames = []
    for table in data.tables:
        rows = curve.rows(table, dataset)
        if table.model.random:
            rows = baseline_rows(rows)
            best = rows.iloc[:1].assign(value=rows["value"].mean(), layer=pd.NA, ci_low=np.nan, ci_high=np.nan)
        else:
            best = rows.loc[[rows["value"].idxmax()]]
        frames.append(best.astype({"layer": "Int64"}))
    return pd.concat(frames, ignore_index=True)


def draw_bars(
    axes: Axes, scores: pd.DataFrame, models: Sequence[RunModel], styles: dict[str, ModelStyle], room: float, size: float
) -> None:
    """Draw a bar for each of `models` from top to bottom, with its value and [layer], and the random baseline as a line.

    Args:
        axes: data coordinates count models downwards, model 0 at 0.
        scores: what `best_scores` returned.
        models: those to draw, without the random baseline.
        styles: of the models.
        room: share of the axes' width that the numbers take, at the right.
        size: type size of the numbers in points.
    """
    by_id = scores.set_index("model")
    limit = float(np.nanmax(scores[["value", "ci_high"]].to_numpy(float))) or 1.0
    axes.set(xlim=(0, limit / (1 - room)), ylim=(len(models) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.axvline(0, color=QUIET, linewidth=0.6)
    for place, model in enumerate(models):
        row = by_id.loc[model.id]
        axes.barh(place, row["value"], 0.68, color=styles[model.id].colour, linewidth=0)
        if np.isfinite(row["ci_low"]) and np.isfinite(row["ci_high"]):
            for line, width in (("white", 1.8), (INK, 0.8)):  # cased in white, to be seen on every bar
                axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=line, linewidth=width, solid_capstyle="butt")
        text = f"{row['value']:.2f} [{row['layer']}]"
        axes.text(1, place, text, transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=size, color=INK)
    for model_id in by_id.index:
        if model_id not in {model.id for model in models}:
            axes.axvline(by_id.loc[model_id, "value"], color=INK, linestyle=(0, (1, 1.3)), linewidth=0.9)
