"""Cosines of CLS tokens: accuracy by the number of images of the support, model by model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.support_curves import draw_support


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model."""
    return draw_support(data, "classification")
