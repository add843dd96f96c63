"""Hyperplanes on CLS tokens: accuracy by token of every model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK
from workflow_scripts.studies.tokens.bars import Group, Panel, draw_rows
from workflow_scripts.studies.tokens.colours import token_handles
from workflow_scripts.studies.tokens.decisions import FIVE, HYPERPLANE
from workflow_scripts.studies.tokens.token_bars import CHANCE, bar, measured_of


def draw(data: FigureData) -> Drawn:
    """Draw one panel with a group of bars per model."""
    groups = []
    for model in data.without_random().models:
        own = measured_of(data, model, "classification")
        groups.append(Group(model.display_name, tuple(bar(own, "accuracy", facet, HYPERPLANE) for facet in FIVE), CHANCE))
    panel = Panel("", INK, tuple(groups), "Accuracy")
    return draw_rows([[panel]], token_handles(FIVE), whole_width=True)
