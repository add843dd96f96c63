"""CLS attention of every head of every layer on two single images."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import Panel, head_panel, shelves
from workflow_scripts.figures.maps import check_same_images, map_frame, mosaic, photographs
from workflow_scripts.figures.style import INK, model_styles

IMAGES = 2


def draw(data: FigureData) -> Drawn:
    """Draw for each of the first two images the image itself and one panel per model (rows layers, columns heads)."""
    styles = model_styles(data.models)
    ids = check_same_images(data.maps["attention"])
    photos = photographs(data.maps["attention"][0], IMAGES)
    groups, frames = [], []
    for index, photo in enumerate(photos):
        aspect = photo.shape[0] / photo.shape[1]
        size = max(4.0, min(maps.array("single_cls").shape[2] for maps in data.maps["attention"]))
        panels = [
            Panel(f"Image {index + 1}: {ids[index]}", INK, photo, 1, 1, aspect, size, column_names=("",))
        ]  # the name keeps the title in line
        for maps in data.maps["attention"]:
            attention = maps.on_grid("single_cls")[index]
            n_layers, n_heads = attention.shape[:2]
            colour = styles[maps.model.id].text
            cell = maps.rows / maps.columns
            panels.append(head_panel(maps.model.display_name, colour, mosaic(attention), n_layers, n_heads, cell))
            layers, heads = range(1, n_layers + 1), range(1, n_heads + 1)
            frames.append(map_frame(maps, "single_cls", attention, layers, heads, image=ids[index], n=1, n_of="images"))
        groups.append(panels)
    pages, _ = shelves(groups)
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))
