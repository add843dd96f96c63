"""How far clusters of the keys are positions and how far they are classes of street scenes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.figures import position_bars


def draw(data: FigureData) -> Drawn:
    """Draw as `position_bars`."""
    return position_bars.draw(data, "scenes_")
