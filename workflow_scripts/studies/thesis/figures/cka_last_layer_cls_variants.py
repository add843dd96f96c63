"""Similarity of the last layers of all models, from the CLS token."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.thesis.figures.cka_last_layer import SETTINGS, draw_matrices
from workflow_scripts.studies.thesis.figures.cka_last_layer_spatial_variants import MAX_CELL


def draw(data: FigureData) -> Drawn:
    """Draw one matrix of all models."""
    return draw_matrices(data, {"cls": SETTINGS["cls"]}, MAX_CELL)
