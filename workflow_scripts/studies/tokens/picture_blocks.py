"""Blocks of pictures on one page: each a title over rows of pictures, each row with its name above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, page_width

_EDGE, _GAP, _TITLE, _HEADS, _NAME, _BELOW = 0.06, 0.16, 0.2, 0.11, 0.125, 0.12  # inches; the last is below a block
_MAX_CELL, _MIN_CELL = 0.7, 0.3  # inches: below the minimum pictures say little, so the page grows instead


@dataclass(frozen=True)
class PictureLine:
    """A row of pictures [h, w, 3] uint8 under its name; None leaves a place white."""

    name: str
    pictures: tuple[np.ndarray | None, ...]


@dataclass(frozen=True)
class Block:
    """A title over rows of pictures; `heads` stand over their columns."""

    title: str
    lines: tuple[PictureLine, ...]
    heads: tuple[str, ...] = ()
    colour: str = INK

    @property
    def columns(self) -> int:
        """Return the number of pictures side by side."""
        return max(len(line.pictures) for line in self.lines)


def picture_blocks(blocks: Sequence[Block], across: int, keys: Sequence[str] = ()) -> tuple[Figure, list[list[Axes]]]:
    """Lay blocks out in reading order.

    Args:
        blocks: each with at least one row.
        across: blocks side by side.
        keys: lines of text on top.

    Returns:
        The figure and the axes of each block's rows; their coordinates count pictures.
    """
    shelves = [blocks[start : start + across] for start in range(0, len(blocks), across)]
    room = (page_width() - 2 * _EDGE - _GAP * (across - 1)) / across
    most = max(block.columns for block in blocks)
    text = 0.14 * len(keys) + sum(_text_height(shelf) for shelf in shelves)
    rows = sum(_rows(shelf) for shelf in shelves)
    cell = min(_MAX_CELL, room / most, max((PAGE_HEIGHT - text) / rows, _MIN_CELL))
    width = min(page_width(), 2 * _EDGE + across * max(most * cell, 1.6) + _GAP * (across - 1))
    step = (width - 2 * _EDGE + _GAP) / across
    figure = Figure(figsize=(width, _EDGE + text + rows * cell))
    for place, key in enumerate(keys):
        size = fitting_size([key.replace(" ", "_")], width - 2 * _EDGE, 6.5)
        figure_text(figure, _EDGE, _EDGE + 0.14 * place, key, va="top", fontsize=size, color=INK)
    top, drawn = _EDGE + 0.14 * len(keys), []
    size = fitting_size([block.title.replace(" ", "_") for block in blocks], step - _GAP, 7.5)
    for shelf in shelves:
        for place, block in enumerate(shelf):
            left = _EDGE + place * step
            figure_text(figure, left, top + 0.12, block.title, fontsize=size, weight="bold", color=block.colour)
            drawn.append(_draw_lines(figure, block, left, top + _TITLE, cell, step - _GAP))
        top += _text_height(shelf) + _rows(shelf) * cell
    return figure, drawn


def _rows(shelf: Sequence[Block]) -> int:
    return max(len(block.lines) for block in shelf)


def _text_height(shelf: Sequence[Block]) -> float:
    heads = _HEADS if any(block.heads for block in shelf) else 0
    return _TITLE + heads + _rows(shelf) * _NAME + _BELOW


def _draw_lines(figure: Figure, block: Block, left: float, top: float, cell: float, room: float) -> list[Axes]:
    if block.heads:
        size = fitting_size(block.heads, cell, 6)
        for place, head in enumerate(block.heads):
            figure_text(figure, left + (place + 0.5) * cell, top + 0.07, head, ha="center", fontsize=size)
        top += _HEADS
    drawn = []
    size = fitting_size([line.name.replace(" ", "_") for line in block.lines], room, 6)
    for line in block.lines:
        figure_text(figure, left, top + 0.1, line.name, fontsize=size, color=INK)
        axes = inch_axes(figure, left, top + _NAME, block.columns * cell, cell)
        show_cells(axes, _tiles(line.pictures, block.columns), 1, block.columns)
        axes.set(xticks=[], yticks=[])
        drawn.append(axes)
        top += _NAME + cell
    return drawn


def _tiles(pictures: Sequence[np.ndarray | None], columns: int) -> np.ndarray:
    """Return pictures side by side, each enlarged to the size of the largest by repeating its pixels."""
    there = [picture for picture in pictures if picture is not None]
    height, width = (max((picture.shape[axis] for picture in there), default=1) for axis in (0, 1))
    white = np.full((1, 1, 3), 255, np.uint8)
    tiles = []
    for picture in (white if one is None else one for one in [*pictures, *[None] * (columns - len(pictures))]):
        rows, places = (np.arange(n) * side // n for n, side in zip((height, width), picture.shape[:2], strict=True))
        tiles.append(picture[rows][:, places])
    return np.concatenate(tiles, 1)
