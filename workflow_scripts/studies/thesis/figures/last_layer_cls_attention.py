"""CLS attention of the first head of the last layer on ten images, and its average over all images."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import Panel, side_by_side
from workflow_scripts.figures.maps import check_same_images, map_frame, mosaic, photographs
from workflow_scripts.figures.style import INK, QUIET, model_styles

IMAGES = 10
_FOOT = "Head 1 of the last layer of each model."


def draw(data: FigureData) -> Drawn:
    """Draw a column of the ten images, then one column per model; the last row is the average over all images."""
    styles = model_styles(data.models)
    ids = check_same_images(data.maps["attention"])
    photos = photographs(data.maps["attention"][0], IMAGES)
    aspect = photos.shape[1] / photos.shape[2]
    blank = np.full_like(photos[:1], 255)
    column = np.concatenate([*photos, *blank])
    first = Panel("Image", INK, column, IMAGES + 1, 1, aspect, 1)
    panels, frames = [], []
    for maps in data.maps["attention"]:
        single = maps.on_grid("single_cls")[:IMAGES, -1, 0]
        average = maps.on_grid("average_cls")[-1, 0]
        cells = np.concatenate([single, average[None]])[:, None]
        colour = styles[maps.model.id].text
        # All columns have the cells of the images, so that rows line up when patch grids differ.
        panels.append(Panel(maps.model.display_name, colour, mosaic(cells), IMAGES + 1, 1, aspect, 1))
        n_layers = maps.array("single_cls").shape[1]
        for image, values in zip(ids[:IMAGES], single, strict=True):
            frames.append(map_frame(maps, "single_cls", values[None, None], [n_layers], [1], image=image, n=1, n_of="images"))
        more = {"image": "average", "n": maps.n_images, "n_of": "images"}
        frames.append(map_frame(maps, "average_cls", average[None, None], [n_layers], [1], **more))
    pages, axes = side_by_side(first, panels, gap_x=0.05)
    for one in axes:
        one.axhline(IMAGES, color="white", linewidth=3)
    for page in pages:
        _average_label(page.axes[0], sorted({maps.n_images for maps in data.maps["attention"]}))
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]), _FOOT)


def _average_label(axes: Axes, counts: list[int]) -> None:
    images = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    axes.text(0.5, IMAGES + 0.5, f"average\nof\n{images}", ha="center", va="center", fontsize=5, color=QUIET)
