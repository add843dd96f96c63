"""Further examples: keys of large models, tokens with block artefacts, sizes of MAE and Mugs."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.methods import CLIP, DINOV2, DINOV3, MAE, MUGS, REGISTERS
from workflow_scripts.studies.segmentation.segmented import Segmented, draw_absent, draw_segmented

# Embedding, methods and sizes of the rows of each block.
BLOCKS = (
    (("key", (MAE, DINOV2, REGISTERS, DINOV3, MUGS), "L"),),
    (("token", (*CLIP, DINOV2), "B"),),
    (("value", (MAE,), "BL"), ("token", (MUGS,), "BL")),
)


def draw(data: FigureData) -> Drawn:
    """Draw a row per model and embedding, block by block."""
    rows: list[Segmented] = []
    for block in BLOCKS:
        own = [(model, facet) for facet, methods, sizes in block for model in of_methods(data.models, methods, sizes)]
        rows += [Segmented(model, facet, new_block=place == 0) for place, (model, facet) in enumerate(own)]
    methods = dict.fromkeys(method for block in BLOCKS for _, of, _ in block for method in of)
    return draw_segmented(data, rows) if rows else draw_absent(list(methods))
