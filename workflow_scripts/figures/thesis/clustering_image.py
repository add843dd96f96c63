"""Purity of clusters of images, from CLS tokens and from mean patch tokens, by layer."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels

PANELS = (
    Panel("CLS token", Curve("purity", facet="cls", setting="normal"), "Cluster purity"),
    Panel("Mean patch token", Curve("purity", facet="mean_patch", setting="normal"), "Cluster purity"),
)


def draw(data: FigureData) -> Drawn:
    """Draw CLS tokens on the left, mean patch tokens on the right."""
    return draw_panels(data, [PANELS])
