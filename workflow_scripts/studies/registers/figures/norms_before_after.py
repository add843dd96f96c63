"""Norms of the patch tokens of the last layer before and after the final norm, model by model."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows
from workflow_scripts.figures.style import INK, model_styles
from workflow_scripts.studies.registers.histogram_panels import DENSITY, X_LABEL, draw_histogram, name_axes, panel_page
from workflow_scripts.studies.registers.norm_measures import NORMED, TOKEN, norms_of


def draw(data: FigureData) -> Drawn:
    """Draw two panels per model: before at the left, after at the right, each with a cutoff of its own."""
    data = data.without_random()
    styles, frames = model_styles(data.models), []
    every = norms_of(data)
    titles = [t for own in every for t in ((own.model.display_name, styles[own.model.id].text), ("after final norm", INK))]
    figure, panels = panel_page(titles, columns=2 * len(even_rows(len(every), 2)[0]))
    shown = [(own, facet) for own in every for facet in (TOKEN, NORMED)]
    for axes, (own, facet) in zip(panels, shown, strict=True):
        histogram, above = own.patches(facet), own.above(facet)
        draw_histogram(axes, histogram, styles[own.model.id].colour, above)
        frames.append(histogram.frame(own.model, own.last, facet).assign(cutoff=above.cutoff, share_above=above.share))
    name_axes(figure, X_LABEL, DENSITY)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
