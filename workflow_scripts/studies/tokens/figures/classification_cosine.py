"""Cosines of CLS tokens: the four metrics by token, model by model, with their spread over trials."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.token_bars import draw_metrics


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model."""
    return draw_metrics(data, "classification")
