"""Images segmented by embeddings of models at their best layer, a row an embedding, with the mean of all images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.heads import show_nothing
from workflow_scripts.figures.maps import check_same_images
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.segmentation.best import best_layer
from workflow_scripts.studies.segmentation.chosen import spread
from workflow_scripts.studies.segmentation.colours import paint
from workflow_scripts.studies.segmentation.pictures import PictureRow, picture_rows, share_frame

_WORDS = {"key": "keys", "query": "queries", "value": "values", "token": "tokens"}


@dataclass(frozen=True)
class Segmented:
    """An embedding of a model, and whether a gap sets its row off from the one above."""

    model: RunModel
    facet: str
    new_block: bool = False


def class_names(maps: ModelMaps) -> list[str]:
    """Return the names of the classes of a model's maps."""
    return json.loads(maps.facts["class_names"])


def draw_segmented(
    data: FigureData,
    shown: Sequence[Segmented],
    images: Sequence[int] | None = None,
    analysis: str = "clustering",
    of: str = "",
) -> Drawn:
    """Draw images, their classes, and a row of class maps for each embedding; the last column is the aggregate map.

    Args:
        data: tables and maps of `analysis`.
        shown: the rows; embeddings are named where they are not all the same.
        images: places among the kept examples; None for some spread evenly over them.
        analysis: whose images these are.
        of: what the names of its scores begin with.
    """
    every = {maps.model.id: maps for maps in data.maps[analysis]}
    first, styles = data.maps[analysis][0], model_styles(data.models)
    ids, names = check_same_images(data.maps[analysis]), class_names(first)
    images = list(spread(len(ids)) if images is None else images)
    truth = first.array("truth_map")[images]
    rows = [
        PictureRow("Images", [*first.array("single_image")[images], None]),
        PictureRow("Ground truth", [*paint(truth, len(names)), first.array("truth_aggregate")]),
    ]
    ids = [ids[place] for place in images]
    frames = [share_frame(one, names, model="ground truth", image=image) for image, one in zip(ids, truth, strict=True)]
    several = len({one.facet for one in shown}) > 1
    for one in shown:
        layer, maps = best_layer(data, one.model, one.facet, of), every[one.model.id]
        classes = maps.array(f"{one.facet}_map")[images, layer - 1]
        name = f"{one.model.display_name}{f', {_WORDS[one.facet]}' if several else ''} [{layer}]"
        pictures = [*paint(classes, len(names)), maps.array(f"{one.facet}_aggregate")[layer - 1]]
        rows.append(PictureRow(name, pictures, styles[one.model.id].text, one.new_block))
        facts = {"model": one.model.id, "facet": one.facet, "layer": layer}
        frames += [share_frame(own, names, **facts, image=image) for image, own in zip(ids, classes, strict=True)]
    columns = [*(str(place + 1) for place in range(len(ids))), "All images"]
    drawn = pd.concat(frames, ignore_index=True)
    return Drawn(picture_rows(rows, columns, names), drawn.astype({"layer": "Int64"}) if shown else drawn)


def draw_absent(methods: Sequence[str]) -> Drawn:
    """Draw that a run has no model trained by any of `methods`."""
    figure = Figure(figsize=(3.6, 0.6))
    show_nothing(figure.add_axes((0, 0, 1, 1)), f"none: no model of this run was trained by {' or '.join(methods)}")
    return Drawn(figure, pd.DataFrame(columns=["model"]))
