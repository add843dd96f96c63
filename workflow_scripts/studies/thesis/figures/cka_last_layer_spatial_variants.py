"""Similarity of the last layers of all models, from patch tokens."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.thesis.figures.cka_last_layer import SETTINGS, draw_matrices

MAX_CELL = 0.42  # inches


def draw(data: FigureData) -> Drawn:
    """Draw one matrix of all models."""
    return draw_matrices(data, {"spatial": SETTINGS["spatial"]}, MAX_CELL)
