"""Stacked areas: of what kind the nearest patch is, by the level of an alteration, panel by panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import draw_absent, say_unmeasured
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows, fitting_size, wrap
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, page_width
from workflow_scripts.metrics.patch_retrieval import CATEGORIES
from workflow_scripts.studies.local.altered import GEOMETRIC, KINDS, Altered, by_kind
from workflow_scripts.studies.local.look import COLUMNS, Look, drawn_rows, looks
from workflow_scripts.studies.local.measured import Measured, measured_of

KIND_COLOURS = dict(zip(CATEGORIES, ("#1b6ca8", "#63a7d3", "#a9d18e", "#e6b55c", "#d9d9d9"), strict=True))
ANALYSIS = "retrieval"
_BOUND = {"color": INK, "linestyle": (0, (3, 1.5)), "linewidth": 0.9}
_MOST = 10  # panels side by side
_LEGEND = 0.35  # inches
_SMALLEST = 5.2  # points of the numbers of levels


def shown_looks(data: FigureData, models: Sequence[RunModel]) -> list[Look]:
    """Return the models whose patches were retrieved, each that reconstructs without features, too."""
    there = {model.id: measured_of(data, model, ANALYSIS) for model in models}
    return looks([model for model in models if len(there[model.id].frame)], {key: own.removed for key, own in there.items()})


def draw_kinds(data: FigureData, models: Sequence[RunModel]) -> Drawn:
    """Draw a row per kind of alteration and a column per model; dashed in geometric rows: what could be found at best."""
    shown = shown_looks(data, models)
    measured = {look.model.id: measured_of(data, look.model, ANALYSIS) for look in shown}
    kinds = by_kind(point.at for own in measured.values() for point in own.series("share", "altered", kind=CATEGORIES[0]))
    if not kinds:
        return draw_absent("not measured", COLUMNS)
    blocks = even_rows(len(shown), _MOST)
    columns = max(map(len, blocks))
    tall = min(0.95, (PAGE_HEIGHT - _LEGEND) / (len(kinds) * len(blocks)) - 0.12 * len(blocks))
    height = _LEGEND + len(blocks) * (0.5 + len(kinds) * max(0.5, tall))
    figure = Figure(figsize=(max(2.6, min(page_width(), 0.7 + 1.3 * columns)), height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.02, hspace=0.02, wspace=0.02)
    grid = figure.subplots(len(kinds) * len(blocks), columns, squeeze=False, sharey=True)
    room = (figure.get_figwidth() - 0.6) / columns
    rows: list[Mapping[str, Any]] = []
    for place, block in enumerate(blocks):
        names = [wrap(shown[turn].name, room, 6.5) for turn in block]
        size = fitting_size(names, room, 6.5)
        for line, (kind, levels) in enumerate(kinds.items()):
            axes_row = grid[place * len(kinds) + line]
            for column, axes in enumerate(axes_row):
                if column >= len(block):
                    axes.set_visible(False)
                    continue
                look = shown[block[column]]
                rows += _draw_panel(axes, measured[look.model.id], look, levels)
                if line == 0:
                    axes.set_title(names[column], fontsize=size, weight="bold", color=look.style.text, linespacing=1.0)
                _number(axes, levels, room)
            axes_row[0].set_ylabel(KINDS[kind][0], fontsize=6.5)
    handles = _kind_handles()
    if set(kinds) & set(GEOMETRIC):
        handles.append(Line2D([], [], label="at best", **_BOUND))
    _legend(figure, handles)
    return Drawn(figure, drawn_rows(rows))


def stack(axes: Axes, x: Sequence[float], heights: Mapping[str, Sequence[float]]) -> None:
    """Draw areas on top of each other from the bottom up, of kind -> heights; one level alone is a bar."""
    if len(x) == 1:
        below = 0.0
        for kind, (height,) in heights.items():
            axes.bar(x[0], height, 0.5, bottom=below, color=KIND_COLOURS[kind], linewidth=0)
            below += height
        return
    axes.stackplot(x, *heights.values(), colors=[KIND_COLOURS[kind] for kind in heights], linewidth=0)


def _draw_panel(axes: Axes, measured: Measured, look: Look, levels: Sequence[Altered]) -> list[Mapping[str, Any]]:
    found = {
        one: [measured.row("share", altered=one.word, kind=kind, without=look.removed) for kind in CATEGORIES] for one in levels
    }
    there = [one for one in levels if all(found[one])]
    if not there:
        say_unmeasured(axes)
        return []
    places = [levels.index(one) for one in there]
    heights = {kind: [100 * found[one][turn]["value"] for one in there] for turn, kind in enumerate(CATEGORIES)}
    stack(axes, places, heights)
    bounds = [measured.row("upper_bound", altered=one.word) for one in there]
    if all(bounds):
        axes.plot(places, [100 * row["value"] for row in bounds], **_BOUND)
    return [*(row for one in there for row in found[one]), *(row for row in bounds if row)]


def _number(axes: Axes, levels: Sequence[Altered], room: float) -> None:
    names = [f"{one.level:g}" for one in levels]
    size = float(np.clip(room * 72 / (0.75 * len(" ".join(names))), _SMALLEST, 6))
    if size == _SMALLEST:  # there is no room for all
        names[1:-1] = [""] * len(names[1:-1])
    axes.set_xticks(range(len(levels)), names, fontsize=size)
    axes.set_xlim(-0.3 if len(levels) == 1 else 0, max(len(levels) - 1, 0.3))
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"], fontsize=5.5)
    axes.tick_params(length=1.5, pad=1.5)


def _kind_handles(kinds: Sequence[str] = CATEGORIES) -> list[Patch]:
    return [Patch(color=KIND_COLOURS[kind], label=kind) for kind in kinds]


def _legend(figure: Figure, handles: Sequence[Patch | Line2D]) -> None:
    across = len(handles) if figure.get_figwidth() > 6 else 2 if figure.get_figwidth() < 4 else 3
    style = {"ncols": across, "handlelength": 1.4, "handleheight": 0.9, "fontsize": 6.5}
    figure.legend(handles=list(handles), loc="outside lower center", **style)


def draw_elsewhere(data: FigureData) -> Drawn:
    """Draw a panel per model of the numbers of blurred patches by what is nearest in images other than their own."""
    data = data.without_random()
    shown = shown_looks(data, data.models)
    kinds, said = CATEGORIES[1:], {"elsewhere": "yes"}
    panels = []
    for look in shown:
        measured = measured_of(data, look.model, ANALYSIS)
        points = measured.series("share", "altered", kind=kinds[0], without=look.removed, **said)
        found = {
            point.at: [measured.row("share", altered=point.at, kind=kind, without=look.removed, **said) for kind in kinds]
            for point in points
        }
        there = [one for levels in by_kind(found).values() for one in levels if one.kind == "blur" and all(found[one.word])]
        panels.append((look, there, found))
    if not any(there for _, there, _ in panels):
        return draw_absent("not measured", (*COLUMNS, "patches"))
    blocks = even_rows(len(panels), 5)
    columns = max(map(len, blocks))
    width = max(2.6, min(page_width(), 0.7 + 1.6 * columns))
    figure = Figure(figsize=(width, _LEGEND + 0.25 + 1.5 * len(blocks)), layout="constrained")
    grid, rows = figure.subplots(len(blocks), columns, squeeze=False, sharey=True), []
    room = (width - 0.6) / columns
    for line, block in zip(grid, blocks, strict=True):
        for column, axes in enumerate(line):
            if column >= len(block):
                axes.set_visible(False)
                continue
            look, there, found = panels[block[column]]
            axes.set_title(wrap(look.name, room, 7), fontsize=7, weight="bold", color=look.style.text, linespacing=1.0)
            if not there:
                axes.set_xticks([])
                say_unmeasured(axes)
                continue
            counted = {one: [row | {"patches": round(row["value"] * row["n"])} for row in found[one.word]] for one in there}
            heights = {kind: [counted[one][turn]["patches"] for one in there] for turn, kind in enumerate(kinds)}
            stack(axes, range(len(there)), heights)
            axes.set_xticks(range(len(there)), [f"{one.level:g}" for one in there])
            axes.set_xlim(-0.3 if len(there) == 1 else 0, max(len(there) - 1, 0.3))
            axes.set_ylim(bottom=0)
            rows += [row for one in there for row in counted[one]]
        line[0].set_ylabel("Patches")
    for turn in blocks[-1]:
        grid[-1][turn - blocks[-1].start].set_xlabel("Blur, pixels")
    _legend(figure, _kind_handles(kinds))
    return Drawn(figure, drawn_rows(rows, ["patches"]))
