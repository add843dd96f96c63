"""One panel per kind of supervision, with the untrained models and the random baseline in each for reference."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from workflow_scripts.figures.curves import Curve, curve_frame, draw_curve
from workflow_scripts.figures.data import Drawn, FigureData, ModelTable
from workflow_scripts.figures.style import (
    FAMILIES,
    FAMILY_NAMES,
    FAMILY_TEXT_COLOURS,
    PAGE_WIDTH,
    QUIET,
    grid_lines,
    layer_axis,
    legend_handle,
    model_styles,
)

_CROWD = 3  # models of one kind of supervision from which lines are drawn thinner


def draw_by_supervision(data: FigureData, curve: Curve, label: str) -> Drawn:
    """Draw `curve` over layers, one row of panels per dataset that it was measured on.

    Args:
        data: tables of the models, in order.
        curve: the rows of each model.
        label: name of the vertical axis.

    Returns:
        The figure and the rows drawn.
    """
    datasets = curve.datasets(data)
    selected = [{table.model.id: curve.rows(table, name) for table in data.tables} for name in datasets]

    def number_layers(axes: Axes, shown: Sequence[ModelTable]) -> None:
        rows = (selected[0][table.model.id] for table in shown if not table.model.random)
        layer_axis(axes, max(int(one["layer"].max()) for one in rows), None, at_most=6)

    rows = [(name or "", rows) for name, rows in zip(datasets, selected, strict=True)]
    figure = panels_by_supervision(data, rows, label, "Layer", draw_curve, number_layers)
    frames = [curve_frame(table.model, rows[table.model.id]) for rows in selected for table in data.tables]
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def panels_by_supervision(
    data: FigureData,
    rows: Sequence[tuple[str, Mapping[str, pd.DataFrame]]],
    label: str,
    x_label: str,
    plot: Callable[..., None],
    x_axis: Callable[[Axes, Sequence[ModelTable]], None],
) -> Figure:
    """Draw rows of panels, one panel for each kind of supervision that occurs.

    Args:
        data: tables of the models, in order.
        rows: for each row of panels its small title and what to plot of each model, by id.
        label: name of the vertical axis.
        x_label: name of the horizontal axis.
        plot: called as ``plot(axes, model, style, rows, crowded)``; crowded asks for thin lines.
        x_axis: sets the ticks, called as ``x_axis(axes, tables shown)``.

    Returns:
        The figure.
    """
    styles = model_styles(data.models)
    reference = [table for table in data.tables if table.model.supervision == "none"]
    families = [f for f in FAMILIES if f != "none" and any(t.model.supervision == f for t in data.tables)] or ["none"]
    shown = {
        family: [table for table in data.tables if table.model.supervision == family and table not in reference]
        for family in families
    }
    entries = len(reference) + max(map(len, shown.values()))
    size = (max(3.0, PAGE_WIDTH * len(families) / 4), 0.4 + 2.1 * len(rows) + 0.14 * entries)
    figure = Figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(len(rows), len(families), sharey="row", squeeze=False)
    for line, (title, values) in zip(all_axes, rows, strict=True):
        for axes, (family, own) in zip(line, shown.items(), strict=True):
            for table in [*reference, *own]:
                plot(axes, table.model, styles[table.model.id], values[table.model.id], len(own) > _CROWD)
            x_axis(axes, [*own, *reference])
            axes.set_title(FAMILY_NAMES[family], color=FAMILY_TEXT_COLOURS[family], weight="bold", loc="left")
            grid_lines(axes)
        line[0].set_ylim(bottom=0)  # shared by the row
        line[0].set_ylabel(label)
        line[0].annotate(title, (0, 1), (0, 14), xycoords="axes fraction", textcoords="offset points", fontsize=6, color=QUIET)
    for axes, own in zip(all_axes[-1], shown.values(), strict=True):
        axes.set_xlabel(x_label)
        below = axes.transAxes + ScaledTranslation(0, -0.36, figure.dpi_scale_trans)
        axes.legend(
            handles=[legend_handle(table.model, styles[table.model.id]) for table in [*own, *reference]],
            labels=[textwrap.fill(table.model.display_name, 20) for table in [*own, *reference]],
            loc="upper left",
            bbox_to_anchor=(-0.02, 0),
            bbox_transform=below,
            borderaxespad=0,
            borderpad=0,
        )
    return figure
