"""Rows of panels of lines, each line a series of table rows, with one legend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import draw_absent, say_unmeasured
from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.layout import wrap
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, grid_lines, page_width
from workflow_scripts.studies.local.look import COLUMNS, drawn_rows

_SINGLE = 4.6  # inches: the width of a figure of one panel, in which its legend fits
_TALLEST, _LOWEST, _AROUND = 2.3, 1.15, 0.45  # inches of a row of panels; of axes and edges
_ENTRY = 0.125  # inches of a line of the legend
_BAND, _BANDS = 0.13, 0.45  # how opaque an interval is, and all of a panel together, which may lie on each other
_ENDS = ("value", "ci_low", "ci_high")


@dataclass(frozen=True)
class Line:
    """One line: where its points are, the rows they show, and how matplotlib draws it."""

    x: Sequence[float]
    rows: Sequence[Mapping[str, Any]]
    drawn: Mapping[str, Any]


@dataclass(frozen=True)
class LinePanel:
    """One panel: its title, its lines, names of its axes; `finish` is called on its axes last, if anything is in it."""

    title: str
    lines: tuple[Line, ...]
    across: str
    up: str
    colour: str = INK
    finish: Callable[[Axes], None] = lambda axes: None


def draw_lines(grid: Sequence[Sequence[LinePanel]], handles: Sequence[Artist], share_y: bool = True) -> Drawn:
    """Draw rows of panels; where nothing at all was measured, say so.

    Args:
        grid: panels from left to right, row by row; all rows but the last of one length.
        handles: of the legend.
        share_y: whether all panels have one vertical scale.
    """
    if not any(line.rows for row in grid for panel in row for line in panel.lines):
        return draw_absent("not measured", COLUMNS)
    columns = max(map(len, grid))
    width = page_width() if columns > 1 else _SINGLE
    across = legend_columns([handle.get_label() for handle in handles], width)
    legend = 0.1 + _ENTRY * -(-len(handles) // across)
    tall = float(np.clip((PAGE_HEIGHT - legend) / len(grid), _LOWEST, _TALLEST if columns < 3 else 1.95))
    figure = Figure(figsize=(width, _AROUND + tall * len(grid) + legend), layout="constrained")
    every = figure.subplots(len(grid), columns, squeeze=False, sharey="all" if share_y else False)
    for place, (panels, line) in enumerate(zip(grid, every, strict=True)):
        for column, axes in enumerate(line):
            if column >= len(panels):
                axes.set_visible(False)
                continue
            panel = panels[column]
            _draw_panel(axes, panel, (width - 0.6) / columns)
            below = place == len(grid) - 1 or column >= len(grid[place + 1])
            axes.set_xlabel(panel.across if below or panel.across != grid[place + 1][column].across else "")
            axes.set_ylabel(panel.up if column == 0 or not share_y or panel.up != panels[0].up else "")
    for panels, line in zip(grid, every, strict=True):
        for axes, panel in zip(line, panels, strict=False):
            if any(one.rows for one in panel.lines):  # last: a scale that panels share must have seen the lines of all
                panel.finish(axes)
    if handles:
        figure.legend(handles=list(handles), loc="outside lower center", ncols=across)
    return Drawn(figure, drawn_rows(row for panels in grid for panel in panels for line in panel.lines for row in line.rows))


def legend_columns(labels: Sequence[str], inches: float) -> int:
    """Return how many entries of a legend fit side by side into `inches`, six at most."""
    longest = max(map(len, labels), default=1)
    return max(1, min(6, len(labels), int(inches * 72 / (36 + 4.4 * longest))))


def per_row(panels: Sequence[LinePanel], columns: int = 3) -> list[list[LinePanel]]:
    """Return panels in rows of at most `columns`, four in two rows."""
    columns = min(columns, 2 if len(panels) == 4 else columns)
    return [list(panels[start : start + columns]) for start in range(0, len(panels), columns)]


def _draw_panel(axes: Axes, panel: LinePanel, room: float) -> None:
    axes.set_title(wrap(panel.title, room, 7.5), loc="left", weight="bold", color=panel.colour, fontsize=7.5)
    if not any(line.rows for line in panel.lines):
        axes.set_xticks([])
        say_unmeasured(axes)
        return
    opaque = min(_BAND, _BANDS / len(panel.lines))
    for line in panel.lines:
        x, y, low, high = (np.array(values, float) for values in (line.x, *([row[key] for row in line.rows] for key in _ENDS)))
        known = np.isfinite(low) & np.isfinite(high)
        if known.any():
            axes.fill_between(x, low, high, where=known, color=line.drawn["color"], alpha=opaque, linewidth=0)
        axes.plot(x, y, **line.drawn)
    grid_lines(axes)
