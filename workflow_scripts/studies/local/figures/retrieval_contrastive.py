"""The retrieval of altered patches by contrastive models alone, side by side."""

from __future__ import annotations

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.kind_areas import draw_kinds
from workflow_scripts.studies.local.look import COLUMNS


def draw(data: FigureData) -> Drawn:
    """Draw the models of that supervision."""
    models = [model for model in data.without_random().models if model.supervision == "contrastive"]
    return draw_kinds(data, models) if models else draw_absent("no contrastive model", COLUMNS)
