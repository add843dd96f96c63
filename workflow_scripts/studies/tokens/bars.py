"""Grouped bars of shares, panel by panel, with whiskers and levels of chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import say_unmeasured
from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.layout import fitting_size, wrap
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, QUIET, grid_lines, page_width

SINGLE = 5.3  # inches: the width of a figure of one column, in which its legend fits
_GROUP = 0.84  # of the room of a group that its bars fill
_LOWEST, _HIGHEST = 0.92, 1.55  # inches of a row of panels
_AROUND = 0.5  # inches of legend and axes
_MARGIN = 0.5  # inches at the left of a row of panels
COLUMNS = ("model", "analysis", "dataset", "facet", "metric", "setting", "value", "ci_low", "ci_high", "n")


@dataclass(frozen=True)
class Bar:
    """One bar: the row it shows, the ends of its whisker (NaN for none), its colour."""

    row: Mapping[str, Any]
    low: float
    high: float
    colour: str | tuple[float, ...]


@dataclass(frozen=True)
class Group:
    """Bars side by side over a label; None leaves a place empty. `chance` marks a level, None for none."""

    label: str
    bars: tuple[Bar | None, ...]
    chance: float | None = None


@dataclass(frozen=True)
class Panel:
    """One panel: its groups under a title, and the name of the vertical axis."""

    title: str
    colour: str
    groups: tuple[Group, ...]
    label: str = ""


def draw_rows(
    rows: Sequence[Sequence[Panel]], handles: Sequence[Artist], label: str = "Score", whole_width: bool = False
) -> Drawn:
    """Draw rows of panels of shares, all from 0 to 1, with one legend; rows are as tall as a page leaves room for.

    Args:
        rows: panels from left to right, all rows but the last of the same length.
        handles: of the legend.
        label: of the vertical axis of panels that name none.
        whole_width: whether a single column is as wide as the page, too.
    """
    columns = max(map(len, rows))
    height = min(_HIGHEST, max(_LOWEST, (PAGE_HEIGHT - _AROUND) / len(rows)))
    width = page_width() if columns > 1 or whole_width else SINGLE
    figure = Figure(figsize=(width, _AROUND + height * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharey=True)
    room = (width - _MARGIN) / columns
    for line, panels in zip(grid, rows, strict=True):
        for place, axes in enumerate(line):
            if place >= len(panels):
                axes.set_visible(False)
                continue
            draw_groups(axes, panels[place], room)
            axes.set_ylim(0, 1.03)
            axes.set_yticks(np.linspace(0, 1, 5), ["0", "", "0.5", "", "1"])
            if place == 0 or panels[place].label != panels[0].label:
                axes.set_ylabel(panels[place].label or label)
    figure.legend(handles=list(handles), loc="outside lower center", ncols=len(handles), handlelength=1, handleheight=0.9)
    return Drawn(figure, drawn_rows(bar.row for row in rows for panel in row for bar in _bars(panel)))


def draw_groups(axes: Axes, panel: Panel, room: float) -> None:
    """Draw the groups of a panel; `room` is the width of its axes in inches."""
    axes.set_title(panel.title, loc="left", weight="bold", color=panel.colour, fontsize=7.5)
    if not any(True for _ in _bars(panel)):
        axes.set_xticks([])
        say_unmeasured(axes)
        return
    for place, group in enumerate(panel.groups):
        width = _GROUP / len(group.bars)
        for turn, one in enumerate(group.bars):
            if one is None:
                continue
            x = place - _GROUP / 2 + (turn + 0.5) * width
            axes.bar(x, one.row["value"], 0.9 * width, color=one.colour, linewidth=0)
            if math.isfinite(one.low) and math.isfinite(one.high):
                for colour, thickness in (("white", 1.5), (INK, 0.6)):  # cased in white, to be seen on every bar
                    axes.plot([x, x], [one.low, one.high], color=colour, linewidth=thickness, solid_capstyle="butt")
        if group.chance is not None:
            axes.plot([place - 0.5, place + 0.5], [group.chance] * 2, color=QUIET, linestyle=(0, (1, 1.3)), linewidth=0.9)
    labels = [wrap(group.label, room / len(panel.groups), 6.5) for group in panel.groups]
    axes.set_xticks(range(len(labels)), labels, fontsize=fitting_size(labels, room / len(labels), 6.5))
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.tick_params(axis="x", length=0)
    grid_lines(axes)


def drawn_rows(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows of tables as they go into a figure's CSV; standard deviations over trials stand in a column of their own."""
    frame = pd.DataFrame(list(rows))
    if frame.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    more = [name for name in ("sd_over_trials",) if name in frame]
    return frame[[*COLUMNS, *more]].drop_duplicates(ignore_index=True)


def _bars(panel: Panel) -> Iterable[Bar]:
    return (one for group in panel.groups for one in group.bars if one is not None)
