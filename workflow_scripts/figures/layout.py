"""Panels of very different sizes on one page: shelves of mosaics with one common cell width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, QUIET, layer_ticks, page_width

_CHARACTER = 0.66  # mean width of a bold character over its size
_LEFT, _RIGHT, _BOTTOM = 0.34, 0.06, 0.04  # inches around all shelves
_GAP_X, _GAP_Y = 0.24, 0.14  # inches between panels and between shelves; panels carry their layer numbers in the gap
_TITLE = 0.20  # inches for a title of one line
_TITLE_LINE = 0.115  # inches for each further line
_TICKS = 0.12  # inches for the head numbers
_LONGEST_WORD = 24  # characters: a longer word would push the panels off the page, and is broken
_UPRIGHT_CHARACTERS = 19  # characters in a line of an upright title
_MAX_CELL, _MIN_CELL = 0.62, 0.13  # inches: below the minimum the patches are no longer seen; there are more pages instead
_BESIDE = 21  # columns side by side: the names of more, upright, would lie on each other


@dataclass(frozen=True)
class Panel:
    """One mosaic.

    Attributes:
        title: above the panel.
        colour: of the title.
        image: [.., .., 3] uint8.
        rows: cells down.
        columns: cells across.
        aspect: height of a cell over its width.
        width: cells that the panel is wide on the page; differs from `columns` for a photograph.
        numbered: number the rows from 1 at the left edge (layers).
        heads: number the columns from 1 above the cells.
        column_names: text above each column, instead of numbers.
    """

    title: str
    colour: str
    image: np.ndarray
    rows: int
    columns: int
    aspect: float
    width: float
    numbered: bool = False
    heads: bool = False
    column_names: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """Return the height on the page, in cell widths."""
        return self.width / self.columns * self.rows * self.aspect

    @property
    def above(self) -> float:
        """Return the inches that the column numbers or names need."""
        return _TICKS if self.heads or self.column_names else 0.0


def head_panel(title: str, colour: str, image: np.ndarray, n_layers: int, n_heads: int, aspect: float) -> Panel:
    """Return a panel of all heads (columns) of all layers (rows), both numbered from 1."""
    return Panel(title, colour, image, n_layers, n_heads, aspect, n_heads, numbered=True, heads=True)


def shelves(
    groups: Sequence[Sequence[Panel]], gap_x: float = _GAP_X, row_name: str = "Layer"
) -> tuple[list[Figure], list[Axes]]:
    """Lay panels out in reading order, each group on shelves of its own, and draw them.

    All cells get one width: the largest for which everything fits on one page of `PAGE_HEIGHT`, but never less than the
    smallest at which patches are seen; then there are several pages, on which each group begins a new one. Pages are at most
    `page_width` wide.

    Returns:
        The pages and the axes in the order of the panels.
    """
    panels = [panel for group in groups for panel in group]
    fitting = (page_width() - _LEFT - _RIGHT) / max(panel.width for panel in panels)
    tallest = (PAGE_HEIGHT - _BOTTOM - _GAP_Y - 3 * _TITLE) / max(panel.height for panel in panels)
    largest, smallest = (min(cell, fitting, tallest) for cell in (_MAX_CELL, _MIN_CELL))
    fewest = len(_paged(groups, smallest, gap_x))
    cells = np.geomspace(largest, smallest, 120).tolist()
    cell = next((cell for cell in cells if len(_paged(groups, cell, gap_x)) <= fewest), smallest)
    pages, drawn = [], []
    for rows in _paged(groups, cell, gap_x):
        figure, axes = _draw_shelves(rows, cell, gap_x, row_name)
        pages.append(figure)
        drawn += axes
    return pages, drawn


def _paged(groups: Sequence[Sequence[Panel]], cell: float, gap_x: float) -> list[list[list[Panel]]]:
    """Put shelves on as few pages as hold them."""
    together = _fill(groups, cell, gap_x)
    if _BOTTOM + sum(_shelf_height(row, cell) for row in together) <= PAGE_HEIGHT:
        return [together]
    pages: list[list[list[Panel]]] = []
    for group in groups:
        used = float("inf")
        for row in _fill([group], cell, gap_x):
            height = _shelf_height(row, cell)
            if used + height > PAGE_HEIGHT:
                pages.append([])
                used = _BOTTOM
            pages[-1].append(row)
            used += height
    return pages


def _draw_shelves(rows: Sequence[Sequence[Panel]], cell: float, gap_x: float, row_name: str) -> tuple[Figure, list[Axes]]:
    height = _BOTTOM + sum(_shelf_height(row, cell) for row in rows)
    width = max(_LEFT + _RIGHT + sum(p.width for p in row) * cell + gap_x * (len(row) - 1) for row in rows)
    figure = Figure(figsize=(min(page_width(), max(width, 2.4)), height))
    drawn, top = [], height
    for row in rows:
        above = _title_height(row, cell) + max(p.above for p in row)
        left = _LEFT
        named = False
        for panel in row:
            box = (left, top - above - panel.height * cell, panel.width * cell, panel.height * cell)
            axes = figure.add_axes(_relative(box, figure))
            _draw(axes, panel, cell)
            if panel.numbered and not named:
                _name_axes(axes, panel, row_name)
                named = True
            drawn.append(axes)
            left += panel.width * cell + gap_x
        top -= _shelf_height(row, cell)
    return figure, drawn


def side_by_side(first: Panel, panels: Sequence[Panel], gap_x: float) -> tuple[list[Figure], list[Axes]]:
    """Lay panels out side by side on one shelf, after `first`; more than `_BESIDE` of them on pages that each begin with it.

    Returns:
        The pages and the axes of all.
    """
    pages, drawn = [], []
    for places in even_rows(len(panels), _BESIDE):
        figure, axes = one_shelf([first, *(panels[place] for place in places)], gap_x)
        pages.append(figure)
        drawn += axes
    return pages, drawn


def one_shelf(panels: Sequence[Panel], gap_x: float) -> tuple[Figure, list[Axes]]:
    """Lay panels out side by side on one shelf, however many; names turn upright where columns are narrow."""
    room = page_width() - _LEFT - _RIGHT - gap_x * (len(panels) - 1)
    cell = min(_MAX_CELL, room / sum(p.width for p in panels))
    lines = [wrap(p.title, cell * p.width + gap_x) for p in panels]
    upright = any(len(word) * _CHARACTER * 7.5 > (cell + gap_x) * 72 for text in lines for word in text.split())
    if upright:
        lines = [textwrap.fill(p.title, _UPRIGHT_CHARACTERS, break_long_words=False) for p in panels]
    longest = max(len(line) for text in lines for line in text.split("\n"))
    above = longest * _CHARACTER * 7.5 / 72 + 0.08 if upright else _TITLE + _TITLE_LINE * max(t.count("\n") for t in lines)
    height = above + max(p.height for p in panels) * cell + _BOTTOM
    width = _LEFT + _RIGHT + sum(p.width for p in panels) * cell + gap_x * (len(panels) - 1)
    figure = Figure(figsize=(max(2.4, width), height))
    drawn, left = [], _LEFT
    for panel, text in zip(panels, lines, strict=True):
        box = (left, height - above - panel.height * cell, panel.width * cell, panel.height * cell)
        axes = figure.add_axes(_relative(box, figure))
        _draw(axes, panel, cell, title=False)
        place = ((left + panel.width * cell / 2) / figure.get_figwidth(), 1 - (above - 0.05) / height)
        figure.text(
            *place, text, rotation=90 if upright else 0, ha="center", va="bottom",
            color=panel.colour, fontsize=7.5, weight="bold", linespacing=1.0,
        )  # fmt: skip
        drawn.append(axes)
        left += panel.width * cell + gap_x
    return figure, drawn


def wrap(title: str, inches: float, size: float = 7.5) -> str:
    """Break `title` into lines that are about `inches` wide in bold type of `size` points, between words if they are words."""
    endless = any(len(word) > _LONGEST_WORD for word in title.split())
    return textwrap.fill(title, max(4, int(inches * 72 / (_CHARACTER * size))), break_long_words=endless)


def fitting_size(titles: Iterable[str], inches: float, size: float) -> float:
    """Return the type size, `size` points or less, at which the longest word of the titles is `inches` wide."""
    longest = max(len(word) for title in titles for word in title.split())
    return float(np.clip(inches * 72 / (_CHARACTER * longest), 4.5, size))


def inch_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return a new axes placed in inches from the figure's top left corner."""
    total_width, total_height = figure.get_size_inches()
    box = (left / total_width, 1 - (top + height) / total_height, width / total_width, height / total_height)
    return figure.add_axes(box)


def figure_text(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """Write `text` on the page, placed in inches from the figure's top left corner."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, text, **style)


def even_rows(count: int, at_most: int) -> Sequence[range]:
    """Split `count` places into rows of at most `at_most`, as even as possible."""
    n_rows = -(-count // at_most)
    per_row = -(-count // n_rows)
    return [range(start, min(start + per_row, count)) for start in range(0, count, per_row)]


def _fill(groups: Sequence[Sequence[Panel]], cell: float, gap_x: float) -> list[list[Panel]]:
    """Put as many panels on each shelf as the page is wide."""
    rows: list[list[Panel]] = []
    for group in groups:
        used = float("inf")
        for panel in group:
            wide = panel.width * cell
            if used + gap_x + wide > page_width() - _LEFT - _RIGHT + 1e-6:
                rows.append([])
                used = -gap_x
            rows[-1].append(panel)
            used += gap_x + wide
    return rows


def _shelf_height(row: Sequence[Panel], cell: float) -> float:
    return _title_height(row, cell) + max(p.above for p in row) + max(p.height for p in row) * cell + _GAP_Y


def _title_height(row: Sequence[Panel], cell: float) -> float:
    lines = max(wrap(p.title, p.width * cell + 0.05).count("\n") + 1 for p in row)
    return _TITLE + (lines - 1) * _TITLE_LINE


def _relative(box: tuple[float, float, float, float], figure: Figure) -> tuple[float, float, float, float]:
    width, height = figure.get_size_inches()
    return box[0] / width, box[1] / height, box[2] / width, box[3] / height


def _draw(axes: Axes, panel: Panel, cell: float, title: bool = True) -> None:
    points = panel.width / panel.columns * cell * 72
    show_cells(axes, panel.image, panel.rows, panel.columns, float(np.clip(0.05 * points, 0.2, 1.0)))
    if title:
        pad = 2.5 + panel.above * 72
        axes.set_title(
            wrap(panel.title, panel.width * cell + 0.05), color=panel.colour, fontsize=7.5, weight="bold", pad=pad,
            loc="left", linespacing=1.0,
        )  # fmt: skip
    size = float(np.clip(0.8 * points, 4.5, 6.0))
    axes.tick_params(labelsize=size, labelcolor=INK, pad=1.2)
    axes.xaxis.tick_top()
    axes.set(xticks=[], yticks=[])
    if panel.numbered:
        rows = layer_ticks(panel.rows, at_most=int(panel.rows * panel.aspect * points / (1.15 * size)))
        axes.set_yticks([row - 0.5 for row in rows], [str(row) for row in rows])
    if panel.heads:
        columns = layer_ticks(panel.columns, at_most=int(panel.columns * points / (1.9 * size)))
        axes.set_xticks([column - 0.5 for column in columns], [str(column) for column in columns])
    if panel.column_names and points > 20:
        axes.set_xticks([column + 0.5 for column in range(panel.columns)], panel.column_names)


def _name_axes(axes: Axes, panel: Panel, row_name: str) -> None:
    axes.set_ylabel(row_name, fontsize=6.5, color=QUIET, labelpad=2)
    if panel.heads:
        axes.annotate(
            "Head", (0, 1), (-1.5, 2.2), xycoords="axes fraction", textcoords="offset points", ha="right", va="bottom",
            fontsize=6, color=QUIET,
        )  # fmt: skip
