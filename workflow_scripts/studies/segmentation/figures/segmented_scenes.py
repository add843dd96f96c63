"""Street scenes segmented by the keys of every model at its best layer."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.segmented import Segmented, draw_segmented


def draw(data: FigureData) -> Drawn:
    """Draw the images, their classes, and a row of class maps per model; the last column is the aggregate map."""
    shown = [Segmented(model, "key") for model in data.without_random().models]
    return draw_segmented(data, shown, analysis="scenes", of="scenes_")
