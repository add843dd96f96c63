"""How far the tokens' clusters of base and large models are positions and how far they are classes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.bars import draw_position_bars
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.methods import SCALED
from workflow_scripts.studies.segmentation.segmented import draw_absent


def draw(data: FigureData) -> Drawn:
    """Draw a bar per model, method by method."""
    models = of_methods(data.models, SCALED, ("B", "L"))
    return draw_position_bars(data, models, "token") if models else draw_absent(SCALED)
