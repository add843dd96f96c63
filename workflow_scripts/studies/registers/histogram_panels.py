"""Panels of histograms of norms: a page of panels, the bins on a logarithmic scale of counts, the cutoff and what is above."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.layout import even_rows, wrap
from workflow_scripts.figures.log_scale import log_scale
from workflow_scripts.figures.style import INK, MARK, PAGE_HEIGHT, page_width
from workflow_scripts.studies.registers.norm_measures import Above, Histogram

X_LABEL, DENSITY = "L2 norm", "Share of tokens per unit of norm"
_WIDE, _TALLEST, _LOWEST, _AROUND = 3.0, 1.7, 1.2, 0.35  # inches of a panel, and around all of them
_NONE = 1e-12  # where the bars of a logarithmic axis begin, which has no zero
CUT = {"color": MARK, "linewidth": 0.9, "linestyle": (0, (4, 1.4))}
_HEADROOM = 0.24  # of the height of a panel, over the bars, for what is said of the cutoff


def panel_page(titles: Sequence[tuple[str, str]], columns: int | None = None, **shared: Any) -> tuple[Figure, list[Axes]]:
    """Return a page of panels in reading order.

    Args:
        titles: of each panel, with its colour.
        columns: panels side by side; None: up to three, in even rows.
        shared: which axes are shared, as matplotlib's `subplots` has it.
    """
    columns = columns or len(even_rows(len(titles), 3)[0])
    rows = -(-len(titles) // columns)
    width = min(page_width(), 0.6 + _WIDE * columns)
    tall = float(np.clip((PAGE_HEIGHT - _AROUND) / rows, _LOWEST, _TALLEST))
    figure = Figure(figsize=(width, _AROUND + tall * rows), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for axes, (title, colour) in zip(every, titles, strict=False):
        axes.set_title(wrap(title, width / columns - 0.45), loc="left", weight="bold", color=colour, fontsize=7.5)
    for axes in every[len(titles) :]:
        axes.set_visible(False)
    return figure, list(every[: len(titles)])


def name_axes(figure: Figure, across: str, up: str) -> None:
    """Name the axes of all panels once."""
    figure.supxlabel(across, fontsize=7.5, color=INK)
    figure.supylabel(up, fontsize=7.5, color=INK)


def draw_histogram(axes: Axes, histogram: Histogram, colour: str, above: Above) -> None:
    """Draw the share of tokens by norm, per unit of norm: bins need not be of one width; and where the cutoff is."""
    edges, counts = histogram.edges, histogram.counts
    density = counts / max(counts.sum(), 1) / np.diff(edges)
    there = density[density > 0]
    low, high = (there.min() / 2, there.max()) if len(there) else (0.1, 1.0)
    axes.stairs(np.maximum(density, _NONE), edges, baseline=_NONE, fill=True, color=colour, linewidth=0)
    log_scale(axes.yaxis, low, high)
    axes.set_ylim(low, high * (high / low) ** _HEADROOM)
    axes.set_xlim(0, 1.03 * highest([histogram]))
    say_cutoff(axes, above)


def say_cutoff(axes: Axes, above: Above, top: float = 1 / (1 + _HEADROOM)) -> None:
    """Mark the cutoff, if there is one, up to `top` of the panel's height, and say over it, in the corner, what is above."""
    if above.cutoff is not None:
        axes.axvline(above.cutoff, ymax=top, **CUT)
    axes.text(0.99, 0.98, str(above), transform=axes.transAxes, ha="right", va="top", fontsize=6.5, color=INK)


def lowest(histograms: Iterable[Histogram]) -> float:
    """Return the lower end of the lowest bin that is not empty in any of the histograms; 0.1 if all are empty."""
    return min((float(one.edges[np.flatnonzero(one.counts)[0]]) for one in histograms if one.counts.any()), default=0.1)


def highest(histograms: Iterable[Histogram]) -> float:
    """Return the upper end of the highest bin that is not empty in any of the histograms; 1 if all are empty."""
    return max((float(one.edges[np.flatnonzero(one.counts)[-1] + 1]) for one in histograms if one.counts.any()), default=1.0)
