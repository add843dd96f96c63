"""Video object segmentation per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.local_tasks import video


def draw(data: FigureData) -> Drawn:
    """Draw the mean of region similarity and contour accuracy."""
    curve = video(data).curve
    return draw_by_supervision(data, curve, f"J&F mean, {curve.setting}")
