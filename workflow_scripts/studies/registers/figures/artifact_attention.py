"""CLS attention of the last layer on a few pictures, model by model, with the high-norm tokens outlined."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.registers.map_columns import Column, map_columns
from workflow_scripts.studies.registers.norm_measures import norms_of

_MOST = 4  # pictures


def draw(data: FigureData) -> Drawn:
    """Draw a column of pictures and one of each model that has a CLS token; each map has a range of colours of its own."""
    data = data.without_random()
    styles, columns = model_styles(data.models), []
    every = [own for own in norms_of(data) if "attention" in own.maps.names]
    for own in every:
        above, norms = own.above(), own.maps.array("norms")[:_MOST]
        marked = norms > (np.inf if above.cutoff is None else above.cutoff)
        columns.append(Column(own.model, styles[own.model.id].text, own.maps.array("attention")[:_MOST], marked))
    if not columns:
        return draw_absent("no model has a CLS token")
    figure = map_columns(every[0].maps.array("pictures")[:_MOST], columns)
    return Drawn(figure, pd.concat([one.frame() for one in columns], ignore_index=True))
