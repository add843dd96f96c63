"""Hyperplanes on patch tokens: precision and recall by category of concepts and token, model by model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.decisions import HYPERPLANE
from workflow_scripts.studies.tokens.token_bars import draw_categories


def draw(data: FigureData) -> Drawn:
    """Draw a row per model: precision at the left, recall at the right."""
    return draw_categories(data, ["precision", "recall"], HYPERPLANE)
