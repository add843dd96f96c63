"""Heat maps of one keypoint at the last layers of every model, from its best layer on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.segmentation.best import highest_layer
from workflow_scripts.studies.segmentation.heat_maps import heat_map, mark_heat, mark_source, mark_target, photograph
from workflow_scripts.studies.segmentation.methods import MAE
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows

FACETS = {MAE: "value"}  # method -> embedding shown, as in the paper; of all others tokens
EXAMPLE = 0
LAYERS = 8  # heat maps side by side


def draw(data: FigureData) -> Drawn:
    """Draw a row per model, its best layer framed; the pair of images is on top."""
    every = data.maps["keypoints"]
    check_same_images(every)
    styles, first = model_styles(data.models), every[0]
    pair = [photograph(first, EXAMPLE, end) for end in ("source", "target")]
    rows = [PictureRow("Keypoint, image", [*pair, *[None] * (LAYERS - 2)])]
    cells = []
    for maps in every:
        facet = FACETS.get(maps.model.method, "token")
        best = highest_layer(data, maps.model, f"pck_{facet}")
        heats = [heat_map(maps, EXAMPLE, facet, layer) for layer in shown_layers(maps.model.layers, best)]
        cells.append((best, heats))
        name, absent = f"{maps.model.display_name}, {facet}s", [None] * (LAYERS - len(heats))
        rows.append(PictureRow(name, [*(heat.picture for heat in heats), *absent], styles[maps.model.id].text))
    figure = picture_rows(rows, [""] * LAYERS, [])
    mark_source(figure.axes[0], 0, first, EXAMPLE)
    mark_target(figure.axes[0], 1, first, EXAMPLE)
    for axes, (best, heats) in zip(figure.axes[1:], cells, strict=True):
        for column, heat in enumerate(heats):
            layer = heat.facts["layer"]
            mark_heat(axes, column, heat, framed=layer == best, text=str(layer))
    return Drawn(figure, pd.DataFrame([heat.facts for _, heats in cells for heat in heats]))


def shown_layers(depth: int, best: int) -> list[int]:
    """Return the last `LAYERS` layers of `depth`, or, if the best is before these, layers spread evenly from it to the last."""
    first = max(1, depth - LAYERS + 1)
    return np.linspace(min(first, best), depth, min(LAYERS, depth)).round().astype(int).tolist()
