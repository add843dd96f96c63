"""Locality of attention by model and layer, as coloured cells."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from workflow_scripts.figures.curves import Curve, curve_frame
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import fitting_size, inch_axes
from workflow_scripts.figures.style import COLOUR_MAP, layer_ticks, model_styles, page_width, text_on

_NAMES, _HEIGHT, _HEAD, _EDGE, _MAX_WIDTH = 1.4, 0.24, 0.1, 0.36, 0.45  # inches
_BAR = 0.42  # inches for the bar of colours, where cells have no room for numbers
_PRINTED = 0.3  # inches: in narrower cells two decimals do not fit
_LEAST = 1e-3  # nats: below, everything has one colour


def draw(data: FigureData) -> Drawn:
    """Draw a row per model, a column per layer, coloured by the logarithm of I(K, Q)."""
    data = data.without_random()
    styles, curve = model_styles(data.models), Curve.of(data.scores["locality"])
    rows = [curve.rows(data.table(model)) for model in data.models]
    depth = max(len(one) for one in rows)
    values = np.full((len(rows), depth), np.nan)
    for place, one in enumerate(rows):
        values[place, : len(one)] = one["value"]
    width = min(_MAX_WIDTH, (page_width() - _NAMES - 0.1) / depth)
    printed = width >= _PRINTED
    figure = Figure(figsize=(_NAMES + depth * width + 0.1, _HEAD + len(rows) * _HEIGHT + _EDGE + (0 if printed else _BAR)))
    axes = inch_axes(figure, _NAMES, _HEAD, depth * width, len(rows) * _HEIGHT)
    shown = np.clip(values, _LEAST, None)
    scale = LogNorm(np.nanmin(shown), max(np.nanmax(shown), 1.01 * np.nanmin(shown)))
    image = axes.imshow(shown, cmap=COLOUR_MAP, norm=scale, aspect="auto", interpolation="none")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value) and printed:
            colour = text_on(matplotlib.colormaps[COLOUR_MAP](float(scale(shown[row, column]))))
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)
    if not printed:
        below = inch_axes(figure, _NAMES, _HEAD + len(rows) * _HEIGHT + _EDGE, 2.0, 0.08)
        bar = figure.colorbar(image, cax=below, orientation="horizontal", format=FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.minorticks_off()
        bar.set_label("I(K, Q), nats", fontsize=6.5)
    ticks = layer_ticks(depth)
    axes.set_xticks([layer - 1 for layer in ticks], map(str, ticks))
    axes.set_xlabel("Layer")
    names = [model.display_name for model in data.models]
    axes.set_yticks(range(len(names)), names, fontsize=fitting_size([max(names, key=len).replace(" ", "_")], _NAMES, 7))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for label, model in zip(axes.yaxis.get_ticklabels(), data.models, strict=True):
        label.set(color=styles[model.id].text, weight="bold")
    frames = [curve_frame(model, one) for model, one in zip(data.models, rows, strict=True)]
    return Drawn(figure, pd.concat(frames, ignore_index=True))
