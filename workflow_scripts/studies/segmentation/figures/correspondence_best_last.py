"""Heat maps of three keypoints at the best and at the last layer of every model."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.segmentation.best import highest_layer
from workflow_scripts.studies.segmentation.heat_maps import heat_map, mark_heat, mark_source, mark_target, photograph
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows

FACET = "token"
PAIRS = 3  # as many as the paper shows


def draw(data: FigureData) -> Drawn:
    """Draw two columns a pair: source and target on top, below them each model's heat maps, best layer and last."""
    every = data.maps["keypoints"]
    examples = range(min(PAIRS, len(check_same_images(every))))
    styles, first = model_styles(data.models), every[0]
    rows = [PictureRow("Keypoint, image", [photograph(first, i, end) for i in examples for end in ("source", "target")])]
    cells = []
    for maps in every:
        layer = highest_layer(data, maps.model, f"pck_{FACET}")
        heats = [heat_map(maps, i, FACET, at) for i in examples for at in (layer, maps.model.layers)]
        cells.append(heats)
        rows.append(PictureRow(maps.model.display_name, [heat.picture for heat in heats], styles[maps.model.id].text))
    figure = picture_rows(rows, [""] * (2 * len(examples)), [])
    for i in examples:
        mark_source(figure.axes[0], 2 * i, first, i)
        mark_target(figure.axes[0], 2 * i + 1, first, i)
    for axes, heats in zip(figure.axes[1:], cells, strict=True):
        for column, heat in enumerate(heats):
            best = column % 2 == 0
            mark_heat(axes, column, heat, framed=best, text=f"{'best' if best else 'last'}: {heat.facts['layer']}")
    return Drawn(figure, pd.DataFrame([heat.facts for heats in cells for heat in heats]))
