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


@dataclass(frozen=True)
class Curve:
    """Which rows of a model's table make one curve over layers; the fields are those of `ModelTable.select`."""

    metric: str
    heads: str = ""
    facet: str | None = None
    setting: str | None = None

    @classmethod
    def of(cls, score: Score) -> Curve:
        """Return the curve of a study's score."""
        return cls(score.metric, score.head, score.facet, score.setting or None)

    def rows(self, table: ModelTable, dataset: str | None = None) -> pd.DataFrame:
        """Return the curve's rows of one model, by layer.

        Raises:
            AtlasError: the model's table has no such rows, or several for one layer.
        """
        return table.select(self.metric, self.heads, facet=self.facet, setting=self.setting, dataset=dataset)

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


def draw_curve(axes: Axes, model: RunModel, style: ModelStyle, rows: pd.DataFrame, crowded: bool = False) -> None:
    """Draw `rows` (layer, value, ci_low, ci_high); the random baseline becomes a constant line over the whole width.

    In a `crowded` panel, with many models, lines are thinner.
    """
    if model.random:
        axes.axhline(baseline_rows(rows)["value"].mean(), color=style.colour, linestyle=style.dash, linewidth=1.1, zorder=1.5)
        return
    layers, low, high = (rows[name].to_numpy(float) for name in ("layer", "ci_low", "ci_high"))
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        axes.fill_between(layers, low, high, where=known, color=style.colour, alpha=0.10 if crowded else 0.16, linewidth=0)
    draw_line(axes, style, layers, rows["value"].to_numpy(float), crowded)


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


def curve_frame(model: RunModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `rows` as they go into the figure's CSV, with the model's name and supervision.

    For the random baseline these are the layers that its constant line averages.
    """
    if model.random:
        rows = baseline_rows(rows)
    rows = rows[list(CURVE_COLUMNS)].copy()
    rows.insert(1, "display_name", model.display_name)
    rows.insert(2, "supervision", model.supervision)
    return rows
