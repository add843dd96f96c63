"""One image segmented by keys and by tokens at every layer, with the mean of all images, model by model."""

from __future__ import annotations

import json

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import layer_ticks, model_styles
from workflow_scripts.studies.segmentation.colours import paint
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows, share_frame

FACETS = {"key": "keys", "token": "tokens"}
LAYERS = 12  # pictures side by side at most; of deeper models evenly chosen layers


def draw(data: FigureData) -> Drawn:
    """Draw per model the image and its ground truth, and beside them keys and tokens of each layer."""
    every = data.maps["clustering"]
    image, names = check_same_images(every)[0], json.loads(every[0].facts["class_names"])
    styles = model_styles(data.models)
    depth = max(maps.array("key_map").shape[1] for maps in every)
    layers = layer_ticks(depth, LAYERS)
    photo, truth = every[0].array("single_image")[0], paint(every[0].array("truth_map")[0], len(names))
    rows, frames = [], []
    for maps in every:
        for facet, word in FACETS.items():
            shown, together = maps.array(f"{facet}_map")[0], maps.array(f"{facet}_aggregate")
            there = [layer for layer in layers if layer <= len(shown)]
            absent = [None] * (len(layers) - len(there))
            first = [photo, truth] if facet == "key" else [None, every[0].array("truth_aggregate")]
            colour, name = styles[maps.model.id].text, f"{maps.model.display_name}, {word}"
            pictures = [paint(shown[layer - 1], len(names)) for layer in there]
            rows.append(PictureRow(name, [first[0], *pictures, *absent], colour, new_block=facet == "key"))
            means = [together[layer - 1] for layer in there]
            rows.append(PictureRow("all images", [first[1], *means, *absent], colour))
            frames += [
                share_frame(shown[layer - 1], names, model=maps.model.id, facet=facet, layer=layer, image=image)
                for layer in there
            ]
    columns = ["Image, truth", *map(str, layers)]
    return Drawn(picture_rows(rows, columns, names), pd.concat(frames, ignore_index=True))
