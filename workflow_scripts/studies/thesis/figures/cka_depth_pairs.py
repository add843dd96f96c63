"""Similarity of every depth of one model to every depth of another, for each pair of models."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.cap import cap_note, capped
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes
from workflow_scripts.figures.matrices import colour_bar, name_width, number_depths, show_matrix
from workflow_scripts.figures.similarities import by_depth, depth_rows, pair_frame
from workflow_scripts.figures.style import model_styles, page_width

_NUMBERS, _GAP, _EDGE = 0.2, 0.07, 0.06  # inches
_MAX_SIDE = 1.6
_MOST = 16  # models: panels of more are too small to read
_SMALLEST_NAME = 6  # points: smaller names stand across their panels instead of along them


def draw(data: FigureData) -> Drawn:
    """Draw a triangle of panels: a panel's rows are the model named at the left, its columns the model named below."""
    table = data.pairs["cka"].without_random()
    compared = len(table.models)
    table = table.of(capped(table.models, _MOST))
    models, styles = table.models, model_styles(table.models)
    count = len(models)
    names = 0.16
    side = _side(count, names)
    size = fitting_size((model.display_name.replace(" ", "_") for model in models), side, 7.5)
    along = size >= _SMALLEST_NAME
    if not along:
        size, names = _SMALLEST_NAME, name_width(models, _SMALLEST_NAME)
        side = _side(count, names)
    left, whole = names + _NUMBERS, count * (side + _GAP) - _GAP
    width = max(left + whole + _EDGE, 2.4)
    figure = Figure(figsize=(width, _EDGE + whole + left))
    rows, frames = depth_rows(table), []
    for line, vertical in enumerate(models):
        for column, horizontal in enumerate(models[: line + 1]):
            values, used = by_depth(table, vertical, horizontal, rows)
            axes = inch_axes(figure, left + column * (side + _GAP), _EDGE + line * (side + _GAP), side, side)
            show_matrix(axes, values)
            number_depths(axes, *values.shape, side, per_layer=2)
            if column > 0 or line < count - 1:
                axes.tick_params(labelleft=column == 0, labelbottom=line == count - 1)
            frames.append(pair_frame(used, models))
    for place, model in enumerate(models):
        middle = place * (side + _GAP) + side / 2
        look = {"fontsize": size, "weight": "bold", "color": styles[model.id].text, "ha": "center", "va": "center"}
        figure_text(figure, names / 2, _EDGE + middle, model.display_name, rotation=90 if along else 0, **look)
        figure_text(
            figure, left + middle, _EDGE + whole + _NUMBERS + names / 2, model.display_name, rotation=0 if along else 90, **look
        )
    if count > 1:
        length = min(1.6, 0.6 * whole)
        colour_bar(figure, width - _EDGE - 0.1 - length, _EDGE + 0.1, length, 0.09)
    return Drawn(figure, pd.concat(frames, ignore_index=True), note=cap_note(count, compared))


def _side(count: int, names: float) -> float:
    """Return the side of a panel in inches, given the inches that names take."""
    return min(_MAX_SIDE, (page_width() - names - _NUMBERS - _EDGE + _GAP) / count - _GAP)
