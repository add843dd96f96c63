"""Keypoint correspondence per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.local_tasks import KEYPOINTS


def draw(data: FigureData) -> Drawn:
    """Draw the share of correct keypoints."""
    return draw_by_supervision(data, KEYPOINTS.curve, "PCK@0.1")
