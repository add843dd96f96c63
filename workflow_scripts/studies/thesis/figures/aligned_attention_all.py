"""Aligned aggregated attention maps of every head of every layer of every model."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import head_panel, shelves
from workflow_scripts.figures.maps import map_frame, mosaic
from workflow_scripts.figures.style import model_styles


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model: rows are layers, columns heads; the attending token is at the centre of each map."""
    styles = model_styles(data.models)
    panels, frames = [], []
    for maps in data.maps["attention"]:
        aligned = maps.array("aligned")
        n_layers, n_heads, height, width = aligned.shape
        colour = styles[maps.model.id].text
        panels.append(head_panel(maps.model.display_name, colour, mosaic(aligned), n_layers, n_heads, height / width))
        layers, heads = range(1, n_layers + 1), range(1, n_heads + 1)
        frames.append(map_frame(maps, "aligned", aligned, layers, heads, n=maps.n_images, n_of="images"))
    pages, _ = shelves([panels])
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))
