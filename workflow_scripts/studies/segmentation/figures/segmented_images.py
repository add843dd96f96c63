"""Images segmented by the keys of every model at its best layer, with the mean of all images."""

from __future__ import annotations

import json

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.segmentation.best import layer_of_highest
from workflow_scripts.studies.segmentation.colours import paint
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows, share_frame

FACET = "key"


def draw(data: FigureData, analysis: str = "clustering", score: str = "miou_key") -> Drawn:
    """Draw the images, their classes, and a row of class maps per model; the last column is the aggregate map.

    Args:
        data: maps of `analysis`, and the tables that `score` is in.
        analysis: whose images these are.
        score: the mean IoU of keys that the layer is best by.
    """
    every = data.maps[analysis]
    ids, names = check_same_images(every), json.loads(every[0].facts["class_names"])
    styles = model_styles(data.models)
    truth = every[0].array("truth_map")
    rows = [
        PictureRow("Images", [*every[0].array("single_image"), None]),
        PictureRow("Ground truth", [*paint(truth, len(names)), every[0].array("truth_aggregate")]),
    ]
    frames = [share_frame(one, names, model="ground truth", image=image) for image, one in zip(ids, truth, strict=True)]
    for maps in every:
        layer = layer_of_highest(data, maps.model, score)
        shown = maps.array(f"{FACET}_map")[:, layer - 1]
        name = f"{maps.model.display_name} [{layer}]"
        pictures = [*paint(shown, len(names)), maps.array(f"{FACET}_aggregate")[layer - 1]]
        rows.append(PictureRow(name, pictures, styles[maps.model.id].text))
        frames += [
            share_frame(one, names, model=maps.model.id, facet=FACET, layer=layer, image=image)
            for image, one in zip(ids, shown, strict=True)
        ]
    columns = [*(str(place + 1) for place in range(len(ids))), "All images"]
    drawn = pd.concat(frames, ignore_index=True).astype({"layer": "Int64"})
    return Drawn(picture_rows(rows, columns, names), drawn)
