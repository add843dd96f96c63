"""Curves over layers: one line per model with its interval, and the random baseline as a level."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.figures.data import CURVE_COLUMNS, Model
from workflow_scripts.figures.style import ModelStyle

BASELINE_LAYERS = 10  # the study averages the first ten layers of its random model into one level


def draw_curve(axes: Axes, model: Model, style: ModelStyle, rows: pd.DataFrame, crowded: bool = False) -> None:
    """Draw `rows` (layer, value, ci_low, ci_high); the random baseline becomes a constant line over the whole width.

    In a `crowded` panel, with many models, lines are thinner.
    """
    if model.is_random:
        level = rows.sort_values("layer")["value"].iloc[:BASELINE_LAYERS].mean()
        axes.axhline(level, color=style.colour, linestyle=style.dash, linewidth=1.1, zorder=1.5)
        return
    layers, low, high = (rows[name].to_numpy(float) for name in ("layer", "ci_low", "ci_high"))
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.fill_between(layers, low, high, where=known, color=style.colour, alpha=0.10 if crowded else 0.16, linewidth=0)
    deep = len(layers) > 14
    axes.plot(
        layers,
        rows["value"],
        color=style.colour,
        linestyle=style.dash,
        linewidth=1.0 if crowded else 1.4,
        marker=style.marker,
        markersize=2.8 if crowded else 3.4,
        markevery=2 if deep else 1,
        markeredgecolor="white",
        markeredgewidth=0.3,
    )


def curve_frame(model: Model, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` as they go into the figure's CSV, with the model's name and supervision.

    For the random baseline these are the layers that its constant line averages.
    """
    if model.is_random:
        rows = rows.sort_values("layer").iloc[:BASELINE_LAYERS]
    rows = rows[list(CURVE_COLUMNS)].copy()
    rows.insert(1, "display_name", model.display_name)
    rows.insert(2, "supervision", model.supervision)
    return rows
