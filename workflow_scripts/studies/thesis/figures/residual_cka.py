"""Similarity of skip connections to branches, for attention and MLP, two panels per model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows, figure_text, inch_axes
from workflow_scripts.figures.matrices import colour_bar, number_depths, show_matrix
from workflow_scripts.figures.similarities import pair_frame, residual
from workflow_scripts.figures.style import PAGE_HEIGHT, QUIET, model_styles, page_width

PARTS = {"attention": "Attention", "mlp": "MLP"}

_LEFT, _NEAR, _FAR, _BAR, _TITLE, _BOTTOM, _BETWEEN = 0.36, 0.2, 0.32, 0.42, 0.3, 0.32, 0.16  # inches
_MAX_SIDE = 1.3


def draw(data: FigureData) -> Drawn:
    """Draw attention and MLP of each model but the random baseline side by side, at most three models in a row."""
    table = data.pairs["cka"].without_random()
    models = table.models
    across = len(even_rows(len(models), at_most=3)[0])
    side = min(_MAX_SIDE, ((page_width() - _LEFT - _BAR + _FAR) / across - _NEAR - _FAR) / 2)
    block, shelf = 2 * side + _NEAR + _FAR, _TITLE + side + _BETWEEN
    down = int((PAGE_HEIGHT - _BOTTOM) / shelf)
    frames, pages = [], []
    for places in even_rows(len(models), across * down):
        own = [models[place] for place in places]
        lines = -(-len(own) // across)
        figure = Figure(figsize=(_LEFT + across * block - _FAR + _BAR, lines * shelf - _BETWEEN + _BOTTOM))
        for place, model in enumerate(own):
            line, column = divmod(place, across)
            top, left = line * shelf, _LEFT + column * block
            look = {"color": model_styles(models)[model.id].text, "weight": "bold", "fontsize": 7.5, "va": "top"}
            figure_text(figure, left, top + 0.04, model.display_name, **look)
            for part, name in PARTS.items():
                values, used = residual(table, model, part)
                axes = inch_axes(figure, left, top + _TITLE, side, side)
                show_matrix(axes, values)
                number_depths(axes, *values.shape, side, per_layer=1)
                axes.set_title(name, fontsize=6.5, loc="left", pad=2)
                axes.set_title(f"min {np.nanmin(values):.2f}", fontsize=5.5, loc="right", pad=2, color=QUIET)
                axes.set_ylabel("Skip, layer" if left == _LEFT else "", fontsize=6.5, color=QUIET, labelpad=2)
                below = place + across >= len(own)
                axes.set_xlabel("Branch, layer" if below else "", fontsize=6.5, color=QUIET, labelpad=2)
                frames.append(pair_frame(used, models))
                left += side + _NEAR
        height = min(1.6, figure.get_figheight() - _TITLE - _BOTTOM)
        colour_bar(figure, figure.get_figwidth() - _BAR + 0.1, _TITLE + 0.1, 0.09, height)
        pages.append(figure)
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))
