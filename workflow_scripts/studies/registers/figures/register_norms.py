"""Norms of patch, CLS and register tokens of the last layer, of models with registers beside their twins without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.log_scale import log_scale
from workflow_scripts.figures.style import INK, QUIET, model_styles
from workflow_scripts.studies.registers.conditions import CLS, PATCH
from workflow_scripts.studies.registers.histogram_panels import (
    X_LABEL,
    highest,
    lowest,
    name_axes,
    panel_page,
    say_cutoff,
)
from workflow_scripts.studies.registers.methods import has_registers, twins
from workflow_scripts.studies.registers.norm_measures import TOKEN, Histogram, Norms, norms_of

_DECADES = 4  # a row is as high as from one token in ten thousand to all
_FULL = 0.92  # of the room of a row that its highest bin may fill
_REGISTER = "#8d6bb1"
_NAMES = {PATCH: "patches", CLS: "CLS"}


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model: a row for the patches, for CLS and for each register."""
    data = data.without_random()
    styles, every = model_styles(data.models), {own.model.id: own for own in norms_of(data)}
    shown = _in_order([own.model for own in every.values()])
    if not shown:
        return draw_absent("no model has registers")
    paired = len(shown) > len([model for model in shown if has_registers(model)])
    titles = [(model.display_name, styles[model.id].text) for model in shown]
    figure, panels = panel_page(titles, 2 if paired or len(shown) in (2, 4) else None, sharex=True, sharey=True)
    frames = []
    histograms = {model.id: list(every[model.id].kinds()) for model in shown}
    kinds = [one.kind for one in max(histograms.values(), key=len)]
    low, high = (of(one for own in histograms.values() for one in own) for of in (lowest, highest))
    for axes, model in zip(panels, shown, strict=True):
        own = every[model.id]
        _draw_rows(axes, own, styles[model.id].colour)
        frames += [one.frame(model, own.last, TOKEN).assign(median=_median(own, one.kind)) for one in histograms[model.id]]
    log_scale(panels[0].xaxis, low, high)
    panels[0].set(xlim=(low / 1.2, 1.2 * high), ylim=(len(kinds) - 0.85, -1.5))
    panels[0].set_yticks(np.arange(len(kinds)) - 0.3, [_NAMES.get(kind, kind) for kind in kinds])
    for axes in panels:
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    name_axes(figure, X_LABEL, "")
    return Drawn(figure, pd.concat(frames).drop_duplicates(ignore_index=True))  # models may share a twin


def _in_order(models: Sequence[RunModel]) -> list[RunModel]:
    """Return the models with registers, each after its twin without, if the run has one; pairs come first."""
    pairs = {other.id: (one, other) for one, other in reversed(twins(models))}
    registered = [model for model in models if has_registers(model)]
    together = [model for own in registered if own.id in pairs for model in pairs[own.id]]
    return together + [own for own in registered if own.id not in pairs]


def _draw_rows(axes: Axes, own: Norms, colour: str) -> None:
    colours = {PATCH: colour, CLS: INK}
    for place, one in enumerate(own.kinds()):
        axes.stairs(place - _heights(one), one.edges, baseline=place, fill=True, color=colours.get(one.kind, _REGISTER))
        axes.axhline(place, color=QUIET, linewidth=0.4)
        style = {"ha": "left", "va": "bottom", "fontsize": 6, "color": INK}
        axes.text(1.01, place, f"{_median(own, one.kind):.3g}", transform=axes.get_yaxis_transform(), **style)
    axes.text(1.01, -1, "median", transform=axes.get_yaxis_transform(), **(style | {"color": QUIET}))
    say_cutoff(axes, own.above(), top=0.92)


def _heights(histogram: Histogram) -> np.ndarray:
    """Return how high each bin is [B], 0 to `_FULL`, by the logarithm of its share of the tokens."""
    share = histogram.counts / max(histogram.counts.sum(), 1)
    return _FULL * np.clip(np.log10(np.maximum(share, 10.0 ** -(_DECADES + 1))) / _DECADES + 1, 0, 1)


def _median(own: Norms, kind: str) -> float:
    return float(own.table.select("norm_median", facet=TOKEN, setting=kind).iloc[-1]["value"])
