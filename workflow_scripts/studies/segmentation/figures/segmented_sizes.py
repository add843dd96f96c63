"""Images segmented by the tokens of base and large models of one method, with the mean of all images."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.methods import SCALED
from workflow_scripts.studies.segmentation.segmented import Segmented, draw_absent, draw_segmented


def draw(data: FigureData) -> Drawn:
    """Draw a row per model, method by method."""
    models = of_methods(data.models, SCALED, ("B", "L"))
    new = [place == 0 or model.method != models[place - 1].method for place, model in enumerate(models)]
    rows = [Segmented(model, "token", block) for model, block in zip(models, new, strict=True)]
    return draw_segmented(data, rows) if rows else draw_absent(SCALED)
