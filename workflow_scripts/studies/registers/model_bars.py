"""Horizontal bars, a line of the page for every model and a panel for every number measured of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.layout import fitting_size, wrap
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, QUIET, page_width
from workflow_scripts.studies.registers.measured import Row

COLUMNS = (
    "model", "analysis", "dataset", "layer", "facet", "metric", "setting", "value", "ci_low", "ci_high", "n", "unit",
)  # fmt: skip
_BAR, _LEAST = 0.135, 0.075  # inches of a bar, at most and at least
_BETWEEN = 0.7  # of a bar: the room between two models
_AROUND = 0.75  # inches of titles, axes and legend
_READABLE = 0.085  # inches from which a bar has room for its number
_NAMES = 1.85  # inches of the names at the left
_TWINS = "#f1f1f1"


@dataclass(frozen=True)
class Bar:
    """One bar: the row it shows, its colour, the ends of its whisker (NaN for none), whether it is striped."""

    row: Row
    colour: str | tuple[float, ...]
    low: float = math.nan
    high: float = math.nan
    striped: bool = False


@dataclass(frozen=True)
class Line:
    """One model: name, colour of the name, and by panel its bars from top to bottom; a text stands where there is no bar."""

    name: str
    colour: str
    cells: tuple[tuple[Bar | str, ...], ...]


@dataclass(frozen=True)
class Panel:
    """One panel: its title, a note below its axis, and whether it shows shares in percent."""

    title: str
    note: str = ""
    percent: bool = False

    @property
    def factor(self) -> int:
        """Return by what values are multiplied to be shown."""
        return 100 if self.percent else 1


def draw_model_bars(
    panels: Sequence[Panel],
    lines: Sequence[Line],
    handles: Sequence[Artist],
    spans: Iterable[tuple[int, int]] = (),
    same_scale: bool = False,
) -> Drawn:
    """Draw a line for every model, with one legend.

    Args:
        panels: from left to right.
        lines: from top to bottom, each with as many cells as there are panels.
        handles: of the legend.
        spans: first and last places of lines that a grey ground holds together.
        same_scale: whether all panels measure the same.
    """
    deep = max(len(cell) for line in lines for cell in line.cells)
    units = len(lines) * (deep + _BETWEEN)
    bar = min(_BAR, max(_LEAST, (PAGE_HEIGHT - _AROUND) / units))
    figure = Figure(figsize=(page_width(), _AROUND + bar * units), layout="constrained")
    (grid,) = figure.subplots(1, len(panels), squeeze=False, sharey=True)
    shown = [[_ends(panel, line.cells[place]) for line in lines] for place, panel in enumerate(panels)]
    limits = [max((end for ends in one for end in ends), default=0) or 1 for one in shown]
    width = (page_width() - _NAMES) / len(panels)
    for place, (axes, panel) in enumerate(zip(grid, panels, strict=True)):
        for first, last in spans:
            axes.axhspan(first - 0.5, last + 0.5, color=_TWINS, linewidth=0, zorder=0)
        _draw_cells(axes, panel, [line.cells[place] for line in lines], max(limits) if same_scale else limits[place], deep, bar)
        title = wrap(panel.title, width)
        axes.set_title(title, loc="left", weight="bold", fontsize=7.5)
        if panel.note:
            axes.set_xlabel(panel.note, fontsize=6, color=QUIET)
    names = [line.name for line in lines]
    grid[0].set_yticks(range(len(lines)), names, fontsize=fitting_size([n.replace(" ", "_") for n in names], _NAMES, 7))
    grid[0].set_ylim(len(lines) - 0.5, -0.5)
    for label, line in zip(grid[0].get_yticklabels(), lines, strict=True):
        label.set(color=line.colour, weight="bold")
    figure.legend(handles=list(handles), loc="outside lower center", ncols=len(handles), handlelength=1, handleheight=0.9)
    bars = [one for line in lines for cell in line.cells for one in cell if isinstance(one, Bar)]
    return Drawn(figure, drawn_rows([one.row for one in bars]))


def drawn_rows(rows: Sequence[Row]) -> pd.DataFrame:
    """Return rows of tables as they go into a figure's CSV; standard deviations over draws stand in a column of their own."""
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    more = [name for name in ("sd_over_draws",) if name in frame]
    return frame[[*COLUMNS, *more]].drop_duplicates(ignore_index=True)


def _ends(panel: Panel, cell: Sequence[Bar | str]) -> list[float]:
    """Return how far the bars of a cell and their whiskers reach, as the panel shows it."""
    reach = (max(one.row["value"], one.high if math.isfinite(one.high) else 0) for one in cell if isinstance(one, Bar))
    return [panel.factor * end for end in reach]


def _draw_cells(axes: Axes, panel: Panel, cells: Sequence[Sequence[Bar | str]], limit: float, deep: int, bar: float) -> None:
    """Draw the bars of a panel, of values up to `limit`; each is `bar` inches thick."""
    factor, decimals = panel.factor, 1 if panel.percent else 2
    thick = 1 / (deep + _BETWEEN)
    size = min(6, 0.8 * bar * 72)
    for place, cell in enumerate(cells):
        for turn, one in enumerate(cell):
            y = place + (turn - (len(cell) - 1) / 2) * thick
            if isinstance(one, str):
                axes.text(0.01 * limit, y, one, va="center", fontsize=size, color=QUIET, style="italic")
                continue
            value = factor * one.row["value"]
            hatch = "//////" if one.striped else None
            axes.barh(y, value, 0.88 * thick, color=one.colour, hatch=hatch, linewidth=0)
            end = value
            if math.isfinite(one.low) and math.isfinite(one.high):
                end = max(value, factor * one.high)
                for colour, wide in (("white", 1.6), (INK, 0.7)):  # cased in white, to be seen on every bar
                    axes.plot(
                        [factor * one.low, factor * one.high], [y, y], color=colour, linewidth=wide, solid_capstyle="butt"
                    )
            if bar >= _READABLE:
                axes.text(end, y, f" {value:.{decimals}f}", va="center", fontsize=size, color=INK)
    axes.set_xlim(0, 1.2 * limit)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=QUIET, linewidth=0.6)
    axes.grid(axis="x")
