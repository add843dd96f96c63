"""Accuracy of the cosine rule by the number of images of the support, a line for each token, model by model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import say_unmeasured
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import QUIET, grid_lines, model_styles, page_width
from workflow_scripts.studies.tokens.bars import SINGLE, drawn_rows
from workflow_scripts.studies.tokens.colours import TOKEN_COLOURS, token_handles
from workflow_scripts.studies.tokens.decisions import FIVE, cosine
from workflow_scripts.studies.tokens.measured import Measured
from workflow_scripts.studies.tokens.token_bars import CHANCE, in_rows, measured_of

METRIC = "accuracy"


def draw_support(data: FigureData, analysis: str) -> Drawn:
    """Draw a panel per model; the band is one standard deviation over trials up and down."""
    data = data.without_random()
    styles, rows = model_styles(data.models), in_rows(data.models)
    columns = max(map(len, rows))
    figure = Figure(figsize=(page_width() if columns > 1 else SINGLE, 0.5 + 1.75 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    frames = []
    for place, axes in enumerate(grid.ravel()):
        if place >= len(data.models):
            axes.set_visible(False)
            continue
        model = data.models[place]
        axes.set_title(model.display_name, loc="left", weight="bold", color=styles[model.id].text, fontsize=7.5)
        frames.append(_draw_panel(axes, measured_of(data, model, analysis)))
        if place % columns == 0:
            axes.set_ylabel("Accuracy")
        if place + columns >= len(data.models):
            axes.set_xlabel("k, images of the support")
    drawn = pd.concat(frames, ignore_index=True)
    grid[0, 0].set_ylim(min([CHANCE, *drawn["value"]]) - 0.03, max([CHANCE, *drawn["value"]]) + 0.03)
    figure.legend(handles=token_handles(FIVE, lines=True), loc="outside lower center", ncols=len(FIVE), handlelength=1.6)
    return Drawn(figure, drawn)


def _draw_panel(axes: Axes, measured: Measured) -> pd.DataFrame:
    supports, rows = measured.supports, []
    if not supports:
        axes.set_xticks([])
        say_unmeasured(axes)
        return drawn_rows([])
    for facet in FIVE:
        found = [
            {**row, "support": k, "sd_over_trials": measured.spread(METRIC, facet, cosine(k))}
            for k in supports
            if (row := measured.row(METRIC, facet, cosine(k))) is not None
        ]
        x, value, spread = (np.array([row[key] for row in found], float) for key in ("support", "value", "sd_over_trials"))
        axes.fill_between(x, value - spread, value + spread, color=TOKEN_COLOURS[facet], alpha=0.15, linewidth=0)
        axes.plot(x, value, color=TOKEN_COLOURS[facet], marker="o", markersize=2.6, linewidth=1.2)
        rows += found
    axes.axhline(CHANCE, color=QUIET, linestyle=(0, (1, 1.3)), linewidth=0.9)
    axes.set_xscale("log")
    axes.set_xticks(supports, [str(k) for k in supports])
    axes.minorticks_off()
    grid_lines(axes)
    return drawn_rows(rows)
