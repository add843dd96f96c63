"""The best mean IoU of every model and embedding, as a table of coloured cells."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import fitting_size, inch_axes
from workflow_scripts.figures.scores import best_scores
from workflow_scripts.figures.style import COLOUR_MAP, model_styles, text_on
from workflow_scripts.studies.segmentation.methods import MIM

FACETS = ("key", "query", "value", "token")
_NAMES, _WIDTH, _HEIGHT, _HEAD, _EDGE = 1.4, 0.85, 0.26, 0.22, 0.06  # inches
_FRAME = "#2f7fc1"  # blue, as in the paper


def draw(data: FigureData) -> Drawn:
    """Draw a row per model with, for each embedding, mIoU in percent and its layer; masked-image models' keys are framed."""
    data = data.without_random()
    models, styles = data.models, model_styles(data.models)
    frames = []
    for facet in FACETS:
        curve = Curve.of(data.scores[f"miou_{facet}"])
        frames.append(best_scores(data, curve, curve.datasets(data)[0]))
    values, layers = (np.stack([frame[column].to_numpy(float) for frame in frames], 1) for column in ("value", "layer"))
    figure = Figure(figsize=(_NAMES + len(FACETS) * _WIDTH + _EDGE, _HEAD + len(models) * _HEIGHT + _EDGE))
    axes = inch_axes(figure, _NAMES, _HEAD, len(FACETS) * _WIDTH, len(models) * _HEIGHT)
    top = float(values.max()) or 1.0
    axes.imshow(values, cmap=COLOUR_MAP, vmin=0, vmax=top, aspect="auto", interpolation="none")
    for (row, column), value in np.ndenumerate(values):
        colour = text_on(matplotlib.colormaps[COLOUR_MAP](value / top))
        text = f"{100 * value:.1f} [{layers[row, column]:.0f}]"
        axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    for row, model in enumerate(models):
        if model.method in MIM:
            axes.add_patch(Rectangle((-0.47, row - 0.44), 1.94, 0.88, fill=False, edgecolor=_FRAME, linewidth=1.4))
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(FACETS)), [f"{facet.capitalize()}s" if facet != "query" else "Queries" for facet in FACETS])
    names = [f"{model.display_name} /{model.layers}" for model in models]
    axes.set_yticks(range(len(models)), names, fontsize=fitting_size([max(names, key=len).replace(" ", "_")], _NAMES, 7))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for label, model in zip(axes.yaxis.get_ticklabels(), models, strict=True):
        label.set(color=styles[model.id].text, weight="bold")
    return Drawn(figure, pd.concat(frames, ignore_index=True))
