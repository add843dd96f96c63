"""Animals segmented into parts by the keys of every model at its best layer."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.segmented import Segmented, draw_segmented


def draw(data: FigureData) -> Drawn:
    """Draw the images, their parts, and a row of part maps per model; the last column is the aggregate map."""
    shown = [Segmented(model, "key") for model in data.without_random().models]
    return draw_segmented(data, shown, analysis="parts", of="parts_")
