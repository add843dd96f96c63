"""Images segmented into more clusters than there are classes, by the tokens of every model at its best layer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.segmentation.best import best_layer
from workflow_scripts.studies.segmentation.colours import cluster_colours, paint
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows, share_frame

FACET = "token"


def draw(data: FigureData) -> Drawn:
    """Draw the images, their classes, and a row of cluster maps per model; clusters of one class have shades of its colour."""
    every = data.maps["overclustering"]
    ids, names = check_same_images(every), json.loads(every[0].facts["class_names"])
    styles = model_styles(data.models)
    truth = every[0].array("truth_map")
    rows = [
        PictureRow("Images", list(every[0].array("single_image"))),
        PictureRow("Ground truth", list(paint(truth, len(names)))),
    ]
    frames = []
    for maps in every:
        layer = best_layer(data, maps.model, FACET)
        shown = maps.array(f"{FACET}_clusters")[:, layer - 1]
        named, sizes = (maps.array(f"{FACET}_{kind}")[layer - 1] for kind in ("named", "sizes"))
        pictures = cluster_colours(named, sizes, len(names))[shown]
        rows.append(PictureRow(f"{maps.model.display_name} [{layer}]", list(pictures), styles[maps.model.id].text))
        clusters = [f"{number}, {names[one]}" if one >= 0 else f"{number}" for number, one in enumerate(named.tolist())]
        frames += [
            share_frame(one, clusters, model=maps.model.id, facet=FACET, layer=layer, image=image).rename(
                columns={"class": "cluster"}
            )
            for image, one in zip(ids, shown.astype(np.int64), strict=True)
        ]
    columns = [str(place + 1) for place in range(len(ids))]
    return Drawn(picture_rows(rows, columns, names), pd.concat(frames, ignore_index=True))
