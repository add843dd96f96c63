"""Curves over layers: one line per model with its interval, and the random baseline as a level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import NOISE_LAYERS, RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.figures.data import CURVE_COLUMNS, FigureData, ModelTable
from workflow_scripts.figures.style import ModelStyle

FUSING = 4  # curves from which bands are no longer told apart


@dataclass(frozen=True)
class Curve:
    """Which rows of a model's table make one curve over layers; the fields are those of `ModelTable.select`, and of `Score`."""

    metric: str
    heads: str = ""
    facet: str | None = None
    setting: str | None = None
    n_of: str = ""
    over: str = ""

    @classmethod
    def of(cls, score: Score) -> Curve:
        """Return the curve of a study's score."""
        return cls(score.metric, score.head, score.facet, score.setting or None, score.n_of, score.over)

    def rows(self, table: ModelTable, dataset: str | None = None) -> pd.DataFrame:
        """Return the curve's rows of one model, by layer, with what n counts and the interval is over, where that is said.

        Raises:
            AtlasError: the model's table has no such rows, or several for one layer.
        """
        rows = table.select(self.metric, self.heads, facet=self.facet, setting=self.setting, dataset=dataset)
        return rows.assign(n_of=self.n_of, interval_over=self.over) if self.n_of else rows

    def datasets(self, data: FigureData) -> list[str | None]:
        """Return the datasets that any model was measured on, each once; [None] if no model was."""
        names = (name for table in data.tables for name in table.datasets(self.metric, self.facet))
        return list(dict.fromkeys(names)) or [None]


def first_measured(data: FigureData, scores: Sequence[Score]) -> Score:
    """Return the first of `scores` that any model of `data` was measured by; the last if none was."""
    for score in scores[:-1]:
        wanted = {"metric": score.metric, "facet": score.facet, "setting": score.setting}
        if any((table.frame[list(wanted)] == pd.Series(wanted)).all(axis=1).any() for table in data.tables):
            return score
    return scores[-1]


def baseline_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the random baseline's rows that its level averages."""
    return rows.sort_values("layer").iloc[:NOISE_LAYERS]


def draw_curve(axes: Axes, style: ModelStyle, rows: pd.DataFrame, places: np.ndarray, crowd: int = 1) -> None:
    """Draw one model's curve with its marker.

    Intervals are a band; among more than `FUSING` curves, whose bands would fuse into one, a thin whisker at each value.

    Args:
        axes: where.
        style: the model's look.
        rows: value, ci_low, ci_high.
        places: where on the horizontal axis each of `rows` lies.
        crowd: how many curves there are in the panel.
    """
    low, high = (rows[name].to_numpy(float) for name in ("ci_low", "ci_high"))
    known = np.isfinite(low) & np.isfinite(high)
    if known.any() and crowd > FUSING:
        axes.vlines(places[known], low[known], high[known], color=style.colour, linewidth=0.6, alpha=0.8, zorder=1.9)
    elif known.any():
        axes.fill_between(places, low, high, where=known, color=style.colour, alpha=0.16, linewidth=0)
    draw_line(axes, style, places, rows["value"].to_numpy(float), crowd > FUSING)


def draw_level(axes: Axes, style: ModelStyle, rows: pd.DataFrame) -> None:
    """Draw the level of the random baseline, in front of curves that may lie on it."""
    level = baseline_rows(rows)["value"].mean()
    axes.axhline(level, color=style.colour, linestyle=style.dash, linewidth=1.3, zorder=2.6)


def draw_line(axes: Axes, style: ModelStyle, x: np.ndarray, y: np.ndarray, crowded: bool = False) -> None:
    """Draw one model's line in its colour, dash and marker."""
    axes.plot(
        x,
        y,
        color=style.colour,
        linestyle=style.dash,
        linewidth=1.0 if crowded else 1.4,
        marker=style.marker,
        markersize=2.8 if crowded else 3.4,
        markevery=2 if len(x) > 14 else 1,
        markeredgecolor="white",
        markeredgewidth=0.3,
    )


def draw_thin(axes: Axes, style: ModelStyle, x: np.ndarray, y: np.ndarray) -> None:
    """Draw one of many lines, whose model the figure does not tell."""
    axes.plot(x, y, color=style.colour, linewidth=0.6, alpha=0.45, zorder=1.6)


def curve_frame(model: RunModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` as they go into the figure's CSV, with the model's name, supervision, and the layers' relative depth.

    For the random baseline, which has no depth, these are the layers that its constant line averages.
    """
    if model.random:
        rows = baseline_rows(rows)
    rows = rows[[*CURVE_COLUMNS, *(name for name in ("n_of", "interval_over") if name in rows)]].copy()
    rows.insert(1, "display_name", model.display_name)
    rows.insert(2, "supervision", model.supervision)
    depth = np.nan if model.random or not model.layers else rows["layer"].to_numpy(float) / model.layers
    rows.insert(rows.columns.get_loc("layer") + 1, "depth", depth)
    return rows
