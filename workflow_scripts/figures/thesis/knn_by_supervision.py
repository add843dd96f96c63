"""Accuracy of k-NN classification per layer, one panel per kind of supervision."""

from __future__ import annotations

from workflow_scripts.figures.by_supervision import draw_by_supervision
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.thesis.global_tasks import KNN


def draw(data: FigureData) -> Drawn:
    """Draw top-1 accuracy with k = 20."""
    return draw_by_supervision(data, KNN.curve, "k-NN top-1 accuracy")
