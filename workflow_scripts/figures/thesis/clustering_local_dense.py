"""Purity of clusters of objects and of parts by layer, from densely extracted patch tokens."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import draw_panels
from workflow_scripts.figures.thesis.clustering_local import panels


def draw(data: FigureData) -> Drawn:
    """Draw objects on the left, parts on the right, each with its own scale."""
    return draw_panels(data, [panels("dense")], share_y=False)
