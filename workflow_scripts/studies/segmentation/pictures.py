"""Rows of pictures of one size, each row named at its left: photographs, class maps, aggregate maps."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.layout import figure_text, inch_axes
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, PAGE_WIDTH

_NAMES, _EDGE, _HEAD, _BLOCK = 0.95, 0.06, 0.18, 0.08  # inches; the last is the gap above a block of rows
_MAX_CELL, _MIN_CELL = 0.95, 0.32  # inches: below the minimum pictures say little, so the page grows instead
_CHARACTERS = 17  # in a line of a row's name


@dataclass(frozen=True)
class PictureRow:
    """One row.

    Attributes:
        name: at its left.
        pictures: [h, w, 3] uint8 of one size, from left to right; None leaves a place white.
        colour: of the name.
        new_block: whether a gap sets it off from the row above.
    """

    name: str
    pictures: Sequence[np.ndarray | None]
    colour: str = INK
    new_block: bool = False


def picture_rows(rows: Sequence[PictureRow], columns: Sequence[str]) -> Figure:
    """Lay rows of pictures out, with a name above each of the `columns`; cells are square and the same everywhere."""
    gaps = sum(row.new_block for row in rows) * _BLOCK
    room = (PAGE_WIDTH - _NAMES - _EDGE) / len(columns)
    fitting = (PAGE_HEIGHT - _HEAD - gaps - _EDGE) / len(rows)
    cell = min(_MAX_CELL, room, max(fitting, _MIN_CELL))
    figure = Figure(figsize=(_NAMES + len(columns) * cell + _EDGE, _HEAD + gaps + len(rows) * cell + _EDGE))
    for place, name in enumerate(columns):
        figure_text(figure, _NAMES + (place + 0.5) * cell, _HEAD - 0.04, name, ha="center", fontsize=6.5)
    top = _HEAD
    for row in rows:
        top += _BLOCK * row.new_block
        axes = inch_axes(figure, _NAMES, top, len(columns) * cell, cell)
        shape = next(picture.shape for picture in row.pictures if picture is not None)
        white = np.full(shape, 255, np.uint8)
        tiles = [white if picture is None else picture for picture in row.pictures]
        show_cells(axes, np.concatenate(tiles, 1), 1, len(columns))
        axes.set(xticks=[], yticks=[])
        name = textwrap.fill(row.name, _CHARACTERS)
        style = {"ha": "right", "va": "center", "fontsize": 6.5, "weight": "bold", "color": row.colour, "linespacing": 1.05}
        figure_text(figure, _NAMES - 0.06, top + cell / 2, name, **style)
        top += cell
    return figure


def share_frame(classes: np.ndarray, names: Sequence[str], **columns: object) -> pd.DataFrame:
    """Return what a class map [h, w] shows, in numbers: the share of its points of each class that is there."""
    counts = np.bincount(classes.ravel(), minlength=len(names))[: len(names)]
    seen = np.flatnonzero(counts)
    return pd.DataFrame({**columns, "class": [names[i] for i in seen], "share": counts[seen] / classes.size})
