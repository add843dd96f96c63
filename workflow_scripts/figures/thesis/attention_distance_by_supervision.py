"""Average attention distance per layer, one panel per kind of supervision."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from workflow_scripts.figures.curves import curve_frame, draw_curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import (
    FAMILIES,
    FAMILY_NAMES,
    FAMILY_TEXT_COLOURS,
    PAGE_WIDTH,
    grid_lines,
    layer_axis,
    legend_handle,
    model_styles,
)

METRIC = "attention_distance"


def draw(data: FigureData) -> Drawn:
    """Draw one panel per kind of supervision that occurs, with the untrained and random models in each as reference."""
    styles = model_styles(data.models)
    selected = {table.model.id: table.select(METRIC, heads="mean") for table in data.tables}
    trained = [f for f in FAMILIES if f != "none" and any(t.model.supervision == f for t in data.tables)]
    panels = trained or ["none"]
    reference = [table for table in data.tables if table.model.supervision == "none"]
    columns = len(panels)
    entries = len(reference) + max(sum(t.model.supervision == f for t in data.tables if t not in reference) for f in panels)
    size = (max(3.0, PAGE_WIDTH * columns / 4), 2.5 + 0.14 * entries)
    figure = Figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(1, columns, sharey=True, squeeze=False)[0]
    for axes, family in zip(all_axes, panels, strict=True):
        own = [table for table in data.tables if table.model.supervision == family and table not in reference]
        for table in [*reference, *own]:
            draw_curve(axes, table.model, styles[table.model.id], selected[table.model.id])
        drawn = [*own, *reference]
        layer_axis(axes, max(int(selected[t.model.id]["layer"].max()) for t in drawn if not t.model.is_random), at_most=6)
        axes.set_title(FAMILY_NAMES[family], color=FAMILY_TEXT_COLOURS[family], weight="bold", loc="left")
        grid_lines(axes)
        handles = [legend_handle(table.model, styles[table.model.id]) for table in drawn]
        below = axes.transAxes + ScaledTranslation(0, -0.36, figure.dpi_scale_trans)
        axes.legend(
            handles=handles,
            labels=[textwrap.fill(table.model.display_name, 20) for table in drawn],
            loc="upper left",
            bbox_to_anchor=(-0.02, 0),
            bbox_transform=below,
            borderaxespad=0,
            borderpad=0,
        )
    all_axes[0].set_ylim(bottom=max(0, all_axes[0].get_ylim()[0]))
    all_axes[0].set_ylabel("Attention distance\n(longer grid side = 1)")
    frames = [curve_frame(table.model, selected[table.model.id]) for table in data.tables]
    return Drawn(figure, pd.concat(frames, ignore_index=True))
