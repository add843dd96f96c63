"""Purity of clusters of images from mean patch tokens, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.clustering_image import PANELS


def draw(data: FigureData) -> Drawn:
    """Draw mean patch tokens."""
    return draw_by_supervision(data, PANELS[1].curve, "Cluster purity")
