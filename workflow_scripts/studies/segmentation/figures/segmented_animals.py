"""Images of animals segmented by the tokens of iBOT's base and large model."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.chosen import of_methods, with_most
from workflow_scripts.studies.segmentation.methods import IBOT
from workflow_scripts.studies.segmentation.segmented import Segmented, class_names, draw_absent, draw_segmented

ANIMAL = "animal-things"  # the class of COCO-Stuff-27


def draw(data: FigureData) -> Drawn:
    """Draw a row per model, of the kept images with most of the class of animals; of data without it, of any."""
    models = of_methods(data.models, [IBOT], ("B", "L"))
    if not models:
        return draw_absent([IBOT])
    first = data.maps["clustering"][0]
    names = class_names(first)
    images = with_most(first.array("truth_map"), names.index(ANIMAL)) if ANIMAL in names else []
    return draw_segmented(data, [Segmented(model, "token") for model in models], images or None)
