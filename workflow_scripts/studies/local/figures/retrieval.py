"""What the nearest patch of an altered patch is: the same patch, one of its category, another, or background."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.kind_areas import draw_kinds


def draw(data: FigureData) -> Drawn:
    """Draw all models."""
    return draw_kinds(data, data.without_random().models)
