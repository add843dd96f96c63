"""Objects found again in later frames of driving scenes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.association_lines import draw_association


def draw(data: FigureData) -> Drawn:
    """Draw the objects and their categories."""
    return draw_association(data, "association")
