"""Average CLS attention of three heads per layer and model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import chosen_heads
from workflow_scripts.figures.layout import Panel, shelves
from workflow_scripts.figures.maps import map_frame, mosaic
from workflow_scripts.figures.style import model_styles

_NAMES = ("low", "mid", "high")  # concentration
_FOOT = (
    "From left to right low, mid, high: the heads of least, median and highest concentration in each layer; the CSV has "
    "their numbers."
)


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model: rows are layers, columns the three heads of `chosen_heads`."""
    styles = model_styles(data.models)
    panels, frames = [], []
    for maps in data.maps["attention"]:
        average = maps.on_grid("average_cls")
        n_layers = len(average)
        heads = chosen_heads(average)
        chosen = np.take_along_axis(average, heads[:, :, None, None], axis=1)
        columns = heads.shape[1]
        panels.append(
            Panel(
                maps.model.display_name, styles[maps.model.id].text, mosaic(chosen), n_layers, columns,
                maps.rows / maps.columns, columns, numbered=True, column_names=_NAMES if columns == len(_NAMES) else (),
            )
        )  # fmt: skip
        frame = map_frame(maps, "average_cls", chosen, range(1, n_layers + 1), heads + 1, n=maps.n_images, n_of="images")
        frame.insert(4, "concentration", np.tile(_NAMES, n_layers) if columns == len(_NAMES) else "")
        frames.append(frame)
    pages, _ = shelves([panels])
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]), _FOOT)
