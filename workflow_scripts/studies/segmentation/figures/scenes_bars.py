"""How far clusters of the keys are positions and how far they are classes of street scenes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.bars import draw_position_bars


def draw(data: FigureData) -> Drawn:
    """Draw a bar per model."""
    return draw_position_bars(data, data.without_random().models, "key", "scenes_")
