"""Average attention distance: every head by layer, and the mean per layer."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.curves import curve_frame, draw_curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import wrap
from workflow_scripts.figures.style import (
    PAGE_WIDTH,
    grid_lines,
    layer_axis,
    legend_columns,
    legend_handle,
    model_styles,
)

METRIC = "attention_distance"
LABEL = "Attention distance (longer grid side = 1)"


def draw(data: FigureData) -> Drawn:
    """Draw a scatter of heads per model on the left, and all models' means with intervals on the right."""
    styles = model_styles(data.models)
    shown = [table for table in data.tables if not table.model.random]
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 4 else 3 if len(shown) <= 12 else 4
    n_rows = -(-len(shown) // columns)
    figure = Figure(figsize=(PAGE_WIDTH, max(3.2, 0.95 * n_rows + 0.5)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03)
    left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
    grid = left.subplots(n_rows, columns, sharex=False, sharey=True, squeeze=False)
    frames = []
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for axes, table in zip(grid.flat, shown, strict=False):
        rows = table.select(METRIC, heads="each")
        style = styles[table.model.id]
        axes.scatter(rows["layer"], rows["value"], s=7, color=style.colour, alpha=0.75, linewidths=0)
        layer_axis(axes, int(rows["layer"].max()), None, at_most=6)
        title = wrap(table.model.display_name, 0.47 * PAGE_WIDTH / columns - 0.1, 7)
        axes.set_title(title, color=style.text, fontsize=7, weight="bold", loc="left", pad=2, linespacing=1.0)
        grid_lines(axes)
        frames.append(curve_frame(table.model, rows))
    grid.flat[0].set_ylim(bottom=max(0, grid.flat[0].get_ylim()[0]))  # shared by all panels
    left.supylabel(LABEL, fontsize=7.5)
    left.supxlabel("Layer", fontsize=7.5)
    means = right.subplots()
    frames += [draw_means(means, data, styles)]
    right.legend(
        handles=[legend_handle(table.model, styles[table.model.id]) for table in data.tables],
        loc="outside lower center", ncols=legend_columns(data.models, PAGE_WIDTH / 2.2),
    )  # fmt: skip
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def draw_means(axes: Axes, data: FigureData, styles: dict) -> pd.DataFrame:
    """Draw every model's mean over heads by layer; return what is drawn."""
    frames = []
    for table in data.tables:
        rows = table.select(METRIC, heads="mean")
        draw_curve(axes, table.model, styles[table.model.id], rows, crowded=len(data.tables) > 8)
        frames.append(curve_frame(table.model, rows))
    layer_axis(axes, max(int(f["layer"].max()) for f, t in zip(frames, data.tables, strict=True) if not t.model.random))
    axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    axes.set_title("Mean over heads", loc="left", fontsize=7.5)
    grid_lines(axes)
    return pd.concat(frames, ignore_index=True)
