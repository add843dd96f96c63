"""Rows of pictures of one size, each row named at its left: photographs, class maps, aggregate maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, page_width
from workflow_scripts.studies.segmentation.colours import class_colours

_NAMES, _EDGE, _HEAD, _BLOCK = 0.95, 0.06, 0.18, 0.08  # inches; the last is the gap above a block of rows
_LEGEND_LINE, _LEGEND_EDGE, _CHARACTER = 0.13, 0.06, 0.052  # inches; the last is that of a legend's character
_MAX_CELL, _MIN_CELL = 0.95, 0.32  # inches: below the minimum pictures say little, so the page grows instead


@dataclass(frozen=True)
class PictureRow:
    """One row.

    Attributes:
        name: at its left.
        pictures: [h, w, 3] uint8 from left to right, of any sizes; None leaves a place white.
        colour: of the name.
        new_block: whether a gap sets it off from the row above.
    """

    name: str
    pictures: Sequence[np.ndarray | None]
    colour: str = INK
    new_block: bool = False


def picture_rows(rows: Sequence[PictureRow], columns: Sequence[str], classes: Sequence[str]) -> Figure:
    """Lay rows of pictures out in square cells, with a name above each of the `columns` and the classes' colours below.

    Each row is one axes whose coordinates count cells, in order. Without `classes` there is no legend.
    """
    lines = -(-len(classes) // _legend_columns(classes)) if classes else 0
    below = _LEGEND_EDGE + lines * _LEGEND_LINE + _EDGE
    gaps = sum(row.new_block for row in rows) * _BLOCK
    room = (page_width() - _NAMES - _EDGE) / len(columns)
    fitting = (PAGE_HEIGHT - _HEAD - gaps - below) / len(rows)
    cell = min(_MAX_CELL, room, max(fitting, _MIN_CELL))
    # As wide as the legend needs, however few the pictures are.
    figure = Figure(figsize=(page_width(), _HEAD + gaps + len(rows) * cell + below))
    for place, name in enumerate(columns):
        figure_text(figure, _NAMES + (place + 0.5) * cell, _HEAD - 0.04, name, ha="center", fontsize=6.5)
    top = _HEAD
    names = [wrap(row.name, _NAMES - 0.1, 6.5) for row in rows]
    size = fitting_size(names, _NAMES - 0.1, 6.5)
    for row, name in zip(rows, names, strict=True):
        top += _BLOCK * row.new_block
        axes = inch_axes(figure, _NAMES, top, len(columns) * cell, cell)
        show_cells(axes, _tiles(row.pictures), 1, len(columns))
        axes.set(xticks=[], yticks=[])
        style = {"ha": "right", "va": "center", "fontsize": size, "weight": "bold", "color": row.colour, "linespacing": 1.05}
        figure_text(figure, _NAMES - 0.06, top + cell / 2, name, **style)
        top += cell
    if classes:
        _draw_legend(figure, classes, top + _LEGEND_EDGE)
    return figure


def share_frame(classes: np.ndarray, names: Sequence[str], **columns: object) -> pd.DataFrame:
    """Return what a class map [h, w] shows, in numbers: the share of its points of each class that is there."""
    counts = np.bincount(classes.ravel(), minlength=len(names))[: len(names)]
    seen = np.flatnonzero(counts)
    return pd.DataFrame({**columns, "class": [names[i] for i in seen], "share": counts[seen] / classes.size})


def _tiles(pictures: Sequence[np.ndarray | None]) -> np.ndarray:
    """Return pictures side by side, each enlarged to the size of the largest by repeating its pixels."""
    there = [picture for picture in pictures if picture is not None]
    height, width = (max(picture.shape[axis] for picture in there) for axis in (0, 1))
    white = np.full((1, 1, 3), 255, np.uint8)
    tiles = []
    for picture in (white if one is None else one for one in pictures):
        rows, columns = (np.arange(n) * side // n for n, side in zip((height, width), picture.shape[:2], strict=True))
        tiles.append(picture[rows][:, columns])
    return np.concatenate(tiles, 1)


def _legend_columns(classes: Sequence[str]) -> int:
    return max(1, int((page_width() - _NAMES - _EDGE) / (0.3 + _CHARACTER * max(map(len, classes)))))


def _draw_legend(figure: Figure, classes: Sequence[str], top: float) -> None:
    columns, colours = _legend_columns(classes), class_colours(len(classes)) / 255
    handles = [Patch(color=colours[i], label=name) for i, name in enumerate(classes)]
    width, height = figure.get_size_inches()
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(_NAMES / width, 1 - top / height), ncols=columns, fontsize=6,
        borderpad=0, borderaxespad=0, handlelength=0.9, handleheight=0.9, handletextpad=0.4, columnspacing=0.9,
        labelspacing=0.35,
    )  # fmt: skip
