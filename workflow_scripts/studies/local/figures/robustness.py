"""Mean IoU on altered images against that on clean ones: blur, noise and noise in bands; 1-NN and linear probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, QUIET, page_width
from workflow_scripts.studies.local.altered import KINDS, by_kind
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.line_panels import legend_columns
from workflow_scripts.studies.local.look import COLUMNS, Look, drawn_rows, looks
from workflow_scripts.studies.local.measured import measured_of

_SHOWN = ("blur", "noise", "band")
_RULES = {NN: "1-NN", LINEAR: "linear probe"}
_KEPT = (1, 0.8, 0.6, 0.4, 0.2)  # shares of the clean mean IoU that rays mark
_PALEST = 0.62  # how far the colour of the weakest alteration is mixed with white
_MORE = ("clean", "altered")


def draw(data: FigureData) -> Drawn:
    """Draw a column per kind of alteration and a row per rule; a model is a vertical line of markers, clean on top."""
    data = data.without_random()
    measured = {model.id: measured_of(data, model, "patches") for model in data.models}
    shown = looks(data.models, {key: own.removed for key, own in measured.items()})
    kinds = by_kind(
        point.at for look in shown for rule in _RULES for point in measured[look.model.id].series("miou", "altered", rule)
    )
    kinds = {kind: levels for kind, levels in kinds.items() if kind in _SHOWN}
    if not kinds:
        return draw_absent("not measured", (*COLUMNS, *_MORE))
    names = [look.name for look in shown]
    across = legend_columns(names, page_width())
    height = 4.4 + 0.13 * (-(-len(names) // across) + 1)
    figure = Figure(figsize=(page_width(), height), layout="constrained")
    grid = figure.subplots(len(_RULES), len(kinds), squeeze=False, sharex=True, sharey=True)
    rows: list[Mapping[str, Any]] = []
    for line, (rule, said) in zip(grid, _RULES.items(), strict=True):
        for axes, (kind, levels) in zip(line, kinds.items(), strict=True):
            for look in shown:
                own = measured[look.model.id]
                clean = own.row("miou", rule, without=look.removed)
                there = [own.row("miou", rule, altered=one.word, without=look.removed) for one in levels]
                if clean is None or not any(there):
                    continue
                x = clean["value"]
                _draw_model(axes, look, x, [x, *(row["value"] if row else np.nan for row in there)])
                rows += [row | {"clean": x, "altered": one.word} for one, row in zip(levels, there, strict=True) if row]
                rows.append(clean | {"clean": x, "altered": ""})
            axes.set_title(f"{KINDS[kind][0]}, {said}", loc="left", weight="bold", fontsize=7.5)
        line[0].set_ylabel("Mean IoU on altered images")
    for axes in grid[-1]:
        axes.set_xlabel("Mean IoU on clean images")
    _rays(grid.ravel(), 1.12 * max([row["clean"] for row in rows], default=1))
    figure.legend(
        handles=[*(look.handle(line=False) for look in shown), *_level_handles(max(map(len, kinds.values())))],
        loc="outside lower center", ncols=across,
    )  # fmt: skip
    return Drawn(figure, drawn_rows(rows, _MORE))


def _draw_model(axes: Axes, look: Look, x: float, values: Sequence[float]) -> None:
    """Draw a model's vertical line: the clean value on top, then the levels, from light to dark."""
    axes.plot([x] * len(values), values, color=look.style.colour, linewidth=0.7, alpha=0.6, zorder=2)
    for place, value in enumerate(values):
        colour = look.style.colour if place == 0 else _tint(look.style.colour, place, len(values) - 1)
        face = "white" if look.hollow else colour
        axes.plot(
            [x], [value], linestyle="", marker=look.style.marker, color=face,
            markeredgecolor=colour if look.hollow else "white", markeredgewidth=0.9 if look.hollow else 0.3,
            markersize=4.6 if place == 0 else 3.8, zorder=3,
        )  # fmt: skip


def _tint(colour: str, place: int, count: int) -> tuple[float, ...]:
    """Return the colour of level `place`, from 1, of `count`: the weakest is the palest."""
    share = _PALEST * (count - place) / max(1, count - 1)
    return tuple(np.array(to_rgb(colour)) * (1 - share) + share)


def _level_handles(count: int) -> list[Artist]:
    """Return legend entries of the weakest and the strongest level."""
    return [
        Line2D([], [], linestyle="", marker="o", color=_tint(INK, place, count), label=name, markersize=3.8)
        for place, name in ((1, "weakest, lowest band"), (count, "strongest, highest band"))
    ]


def _rays(every: Sequence[Axes], end: float) -> None:
    """Mark shares of the clean value with rays, numbered in the first panel."""
    for axes in every:
        for kept in _KEPT:
            axes.plot([0, end], [0, kept * end], color=QUIET, linewidth=0.5, alpha=0.5, zorder=1)
            if axes is every[0]:
                axes.annotate(
                    f"{100 * kept:.0f} %", (end, kept * end), (-1, 0.5), textcoords="offset points", ha="right", va="bottom",
                    fontsize=5.5, color=QUIET,
                )  # fmt: skip
        axes.set(xlim=(0, end), ylim=(0, end))
