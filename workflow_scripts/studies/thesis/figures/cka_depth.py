"""Similarity of every depth of a model to every other, one panel per model."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows, inch_axes, wrap
from workflow_scripts.figures.matrices import colour_bar, number_depths, show_matrix
from workflow_scripts.figures.similarities import by_depth, depth_rows, pair_frame
from workflow_scripts.figures.style import PAGE_WIDTH, QUIET, model_styles

_LEFT, _GAP, _BAR, _TITLE, _BOTTOM = 0.36, 0.24, 0.42, 0.2, 0.3  # inches
_MAX_SIDE = 1.75


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model but the random baseline, at most five side by side; rows start at the bottom."""
    table = data.pairs["cka"].without_random()
    models, styles = table.models, model_styles(table.models)
    lines = even_rows(len(models), at_most=4 if len(models) <= 8 else 5)
    side = min(_MAX_SIDE, (PAGE_WIDTH - _LEFT - _BAR + _GAP) / len(lines[0]) - _GAP)
    titles = [wrap(model.display_name, side + _GAP) for model in models]
    title = _TITLE + 0.115 * max(text.count("\n") for text in titles)
    shelf = title + side + 0.2
    figure = Figure(figsize=(_LEFT + len(lines[0]) * (side + _GAP) - _GAP + _BAR, len(lines) * shelf + _BOTTOM - 0.2 + 0.08))
    rows, frames = depth_rows(table), []
    for line, places in enumerate(lines):
        for column, place in enumerate(places):
            model = models[place]
            values, used = by_depth(table, model, model, rows)
            axes = inch_axes(figure, _LEFT + column * (side + _GAP), title + line * shelf, side, side)
            show_matrix(axes, values)
            number_depths(axes, *values.shape, side, per_layer=2)
            axes.set_title(
                titles[place], color=styles[model.id].text, fontsize=7.5, weight="bold", loc="left", pad=3, linespacing=1.0
            )
            axes.set_ylabel("Layer" if column == 0 else "", fontsize=6.5, color=QUIET, labelpad=2)
            below = place + len(lines[0]) >= len(models)
            axes.set_xlabel("Layer" if below else "", fontsize=6.5, color=QUIET, labelpad=2)
            frames.append(pair_frame(used, models))
    height = min(1.6, figure.get_figheight() - title - _BOTTOM)
    colour_bar(figure, figure.get_figwidth() - _BAR + 0.1, title + 0.1, 0.09, height)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
