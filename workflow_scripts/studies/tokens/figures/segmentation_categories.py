"""Hyperplanes on patch tokens: F1 by category of concepts and token, model by model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.decisions import HYPERPLANE
from workflow_scripts.studies.tokens.token_bars import draw_categories


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model."""
    return draw_categories(data, ["f1"], HYPERPLANE)
