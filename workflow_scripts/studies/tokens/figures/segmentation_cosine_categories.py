"""Cosines of patch tokens: accuracy and F1 by category of concepts and token, model by model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.token_bars import draw_categories


def draw(data: FigureData) -> Drawn:
    """Draw a row per model: accuracy at the left, F1 at the right."""
    return draw_categories(data, ["accuracy", "f1"])
