"""Variances of the features over all training patches, from the largest to the smallest."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.log_scale import log_scale
from workflow_scripts.figures.style import PAGE_HEIGHT, grid_lines
from workflow_scripts.studies.local.line_panels import legend_columns
from workflow_scripts.studies.local.look import looks
from workflow_scripts.studies.local.measured import measured_of

_COLUMNS = ("model", "rank", "feature", "value")
_WIDTH, _HEIGHT = 5.2, 3.1  # inches


def draw(data: FigureData) -> Drawn:
    """Draw a line per model on logarithmic axes."""
    data = data.without_random()
    shown, frames = looks(data.models, {}), []
    figure = Figure(figsize=(_WIDTH, min(PAGE_HEIGHT, _HEIGHT + 0.1 * len(shown))), layout="constrained")
    axes = figure.subplots()
    for look in shown:
        variances = measured_of(data, look.model, "patches").variances
        if not len(variances):
            continue
        order = np.argsort(-variances, kind="stable")
        rank = np.arange(1, len(order) + 1)
        few = np.unique(np.geomspace(1, len(order), 8).round().astype(int)) - 1
        line = look.drawn() | {"markevery": few.tolist(), "linestyle": look.style.dash}
        axes.plot(rank, variances[order], **line)
        values = zip(rank, order, variances[order], strict=True)
        frames += [dict(zip(_COLUMNS, (look.model.id, *numbers), strict=True)) for numbers in values]
    if not frames:
        return draw_absent("not measured", _COLUMNS)
    drawn = pd.DataFrame(frames)
    log_scale(axes.xaxis, 1, drawn["rank"].max())
    log_scale(axes.yaxis, drawn["value"][drawn["value"] > 0].min(), drawn["value"].max())
    axes.set(xlabel="Feature, by its variance", ylabel="Variance over training patches")
    grid_lines(axes)
    names = [look.name for look in shown]
    figure.legend(handles=[look.handle() for look in shown], loc="outside lower center", ncols=legend_columns(names, _WIDTH))
    return Drawn(figure, drawn)
