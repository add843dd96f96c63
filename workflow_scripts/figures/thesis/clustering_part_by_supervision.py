"""Purity of clusters of parts, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.clustering_local import panels


def draw(data: FigureData) -> Drawn:
    """Draw parts."""
    return draw_by_supervision(data, panels("normal")[1].curve, "Cluster purity of parts")
