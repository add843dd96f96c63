"""Purity of clusters of objects, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.clustering_local import panels


def draw(data: FigureData) -> Drawn:
    """Draw objects."""
    return draw_by_supervision(data, panels("normal")[0].curve, "Cluster purity of objects")
