"""Image retrieval per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.global_tasks import RETRIEVAL


def draw(data: FigureData) -> Drawn:
    """Draw the medium setting."""
    return draw_by_supervision(data, RETRIEVAL.curve, "Mean average precision")
