"""Similarity of every depth of a model to every other, one panel per model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows, inch_axes, wrap
from workflow_scripts.figures.matrices import colour_bar, number_depths, show_matrix
from workflow_scripts.figures.similarities import by_depth, depth_rows, pair_frame
from workflow_scripts.figures.style import PAGE_HEIGHT, QUIET, model_styles, page_width

_LEFT, _GAP, _BAR, _TITLE, _BOTTOM, _BETWEEN = 0.36, 0.24, 0.42, 0.2, 0.3, 0.2  # inches
_MAX_SIDE = 1.75


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model but the random baseline, at most five side by side; rows start at the bottom."""
    table = data.pairs["cka"].without_random()
    models = table.models
    across = len(even_rows(len(models), at_most=4 if len(models) <= 8 else 5)[0])
    side = min(_MAX_SIDE, (page_width() - _LEFT - _BAR + _GAP) / across - _GAP)
    titles = {model.id: wrap(model.display_name, side + _GAP) for model in models}
    title = _TITLE + 0.115 * max(text.count("\n") for text in titles.values())
    shelf = title + side + _BETWEEN
    down = int((PAGE_HEIGHT - _BOTTOM) / shelf)
    rows, frames, pages = depth_rows(table), [], []
    for places in even_rows(len(models), across * down):
        own = [models[place] for place in places]
        lines = -(-len(own) // across)
        figure = Figure(figsize=(_LEFT + across * (side + _GAP) - _GAP + _BAR, lines * shelf + _BOTTOM - _BETWEEN + 0.08))
        for place, model in enumerate(own):
            line, column = divmod(place, across)
            values, used = by_depth(table, model, model, rows)
            axes = inch_axes(figure, _LEFT + column * (side + _GAP), title + line * shelf, side, side)
            show_matrix(axes, values)
            number_depths(axes, *values.shape, side, per_layer=2)
            look = {"color": model_styles(models)[model.id].text, "weight": "bold", "linespacing": 1.0}
            axes.set_title(titles[model.id], fontsize=7.5, loc="left", pad=3, **look)
            axes.set_title(f"min {np.nanmin(values):.2f}", fontsize=5.5, loc="right", pad=3, color=QUIET)
            axes.set_ylabel("Layer" if column == 0 else "", fontsize=6.5, color=QUIET, labelpad=2)
            axes.set_xlabel("Layer" if place + across >= len(own) else "", fontsize=6.5, color=QUIET, labelpad=2)
            frames.append(pair_frame(used, models))
        height = min(1.6, figure.get_figheight() - title - _BOTTOM)
        colour_bar(figure, figure.get_figwidth() - _BAR + 0.1, title + 0.1, 0.09, height)
        pages.append(figure)
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))
