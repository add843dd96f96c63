"""Average attention distance per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData

CURVE = Curve("attention_distance", heads="mean")


def draw(data: FigureData) -> Drawn:
    """Draw the mean over heads."""
    return draw_by_supervision(data, CURVE, "Attention distance\n(longer grid side = 1)")
