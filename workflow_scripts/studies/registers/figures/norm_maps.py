"""Norms of the patch tokens of the last layer on a few pictures, model by model, all in one range of colours."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.registers.map_columns import Column, map_columns
from workflow_scripts.studies.registers.norm_measures import norms_of

_MOST = 3  # pictures


def draw(data: FigureData) -> Drawn:
    """Draw a column of pictures and one of each model; the range ends at the largest norm of all."""
    data = data.without_random()
    styles, every = model_styles(data.models), norms_of(data)
    norms = [own.maps.array("norms")[:_MOST] for own in every]
    span = (0.0, float(max(values.max() for values in norms)))
    columns = [
        Column(own.model, styles[own.model.id].text, values, values < 0, span, f"max {values.max():.3g}")
        for own, values in zip(every, norms, strict=True)
    ]
    figure = map_columns(every[0].maps.array("pictures")[:_MOST], columns, f"L2 norm, 0 to {span[1]:.3g}")
    frames = [one.frame().drop(columns="above_cutoff") for one in columns]
    return Drawn(figure, pd.concat(frames, ignore_index=True))
