"""Norms of the patch tokens of the last layer, as a histogram per model."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.registers.histogram_panels import DENSITY, X_LABEL, draw_histogram, name_axes, panel_page
from workflow_scripts.studies.registers.norm_measures import TOKEN, norms_of


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model, with its cutoff."""
    data = data.without_random()
    styles, frames = model_styles(data.models), []
    every = norms_of(data)
    figure, panels = panel_page([(own.model.display_name, styles[own.model.id].text) for own in every])
    for axes, own in zip(panels, every, strict=True):
        histogram, above = own.patches(), own.above()
        draw_histogram(axes, histogram, styles[own.model.id].colour, above)
        frames.append(histogram.frame(own.model, own.last, TOKEN).assign(cutoff=above.cutoff, share_above=above.share))
    name_axes(figure, X_LABEL, DENSITY)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
