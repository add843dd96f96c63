"""Hyperplanes on CLS tokens learnt with Adam and with plain SGD."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.tokens.optimisers import draw_optimisers


def draw(data: FigureData) -> Drawn:
    """Draw a row per model."""
    return draw_optimisers(data, "classification")
