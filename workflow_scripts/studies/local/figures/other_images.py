"""What is nearest to blurred patches in all images but their own."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.kind_areas import draw_elsewhere


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model."""
    return draw_elsewhere(data)
