"""Panels of curves over layers side by side, all models in each, with one legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.log_scale import power
from workflow_scripts.figures.model_curves import draw_models, model_handles
from workflow_scripts.figures.style import (
    PAGE_HEIGHT,
    QUIET,
    grid_lines,
    is_narrow,
    legend_columns,
    page_width,
)
from workflow_scripts.figures.tags import tag_dataset

_BELOW = 4  # how far below the second percentile of ratios the axis reaches: single tiny ones would flatten all others
_DECADE = 10  # largest over smallest value from which a ratio needs a logarithmic axis


@dataclass(frozen=True)
class Panel:
    """One panel: its title, the curve of each model, and the name of the vertical axis."""

    title: str
    curve: Curve
    label: str


def draw_panels(data: FigureData, rows: Sequence[Sequence[Panel]], share_y: bool = True, ratio: bool = False) -> Drawn:
    """Draw rows of panels; a row whose curves were measured on several datasets is repeated for each.

    Args:
        data: tables of the models, in order.
        rows: panels from left to right; all rows have the same length.
        share_y: give the panels of a row one vertical scale, named at the left.
        ratio: values are ratios: mark 1, and use a logarithmic scale if they spread over more than a decade; single values
            far below all others leave it, and stand in the CSV.

    Returns:
        The figure and the rows drawn.
    """
    depths, handles = Depths.of(data.models), model_handles(data.models)
    if is_narrow():
        rows = [[panel] for row in rows for panel in row]
    grid = [line for row in rows for line in _per_dataset(data, row)]
    columns = len(rows[0])
    legend = min(6, legend_columns([handle.get_label() for handle in handles], page_width()))
    below = 0.14 * -(-len(handles) // legend) + 0.3
    height = min(2.4 if columns < 3 else 2.0, (PAGE_HEIGHT - below) / len(grid)) * len(grid) + below
    figure = Figure(figsize=(page_width(), height), layout="constrained")
    all_axes = figure.subplots(len(grid), columns, sharey="row" if share_y else False, squeeze=False)
    frames = []
    for place, (line, axes_row) in enumerate(zip(grid, all_axes, strict=True), 1):
        for column, (axes, cell) in enumerate(zip(axes_row, line, strict=True)):
            if cell is None:
                axes.remove()
                continue
            panel, dataset = cell
            values = {table.model.id: panel.curve.rows(table, dataset) for table in data.tables}
            frames += draw_models(axes, data.models, values, depths)
            depths.number(axes)
            axes.set_title(panel.title, loc="left", weight="bold")
            named = column == columns - 1 or line[column + 1] is None or line[column + 1][1] != dataset
            tag_dataset(axes, dataset if named else "")
            axes.set_ylabel(panel.label if column == 0 or not share_y else "")
            axes.set_xlabel(depths.label(columns > 2) if place == len(grid) else "")
    drawn = pd.concat(frames, ignore_index=True)
    for axes in figure.axes:
        if ratio:
            _ratio_axis(axes, drawn["value"])
        else:
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0] if drawn["value"].min() < 0 else 0))
        grid_lines(axes)
    figure.legend(handles=handles, loc="outside lower center", ncols=legend)
    return Drawn(figure, drawn)


def _per_dataset(data: FigureData, row: Sequence[Panel]) -> list[list[tuple[Panel, str | None] | None]]:
    """Repeat a row of panels for each dataset; None where a curve has fewer datasets than its neighbours."""
    datasets = [panel.curve.datasets(data) for panel in row]
    return [
        [(panel, names[turn]) if turn < len(names) else None for panel, names in zip(row, datasets, strict=True)]
        for turn in range(max(map(len, datasets)))
    ]


def _ratio_axis(axes: Axes, values: pd.Series) -> None:
    axes.axhline(1, color=QUIET, linewidth=0.6, zorder=1)
    if values.min() > 0 and values.max() / values.min() > _DECADE:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(values.min() / 1.2, values.quantile(0.02) / _BELOW))
        few = values.max() / values.min() < _DECADE**2.5
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if few else LogLocator(numticks=8))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
        axes.minorticks_off()
