"""Overlap of CLS attention with object masks per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.mask_iou import PANELS


def draw(data: FigureData) -> Drawn:
    """Draw the best head of CLS attention."""
    return draw_by_supervision(data, PANELS[0].curve, "IoU with object masks,\nbest head")
