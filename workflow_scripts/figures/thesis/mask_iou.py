"""Overlap of CLS and patch-token attention with object masks, by layer, for the best head."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.curves import curve_frame, draw_curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import (
    PAGE_WIDTH,
    grid_lines,
    layer_axis,
    legend_columns,
    legend_handle,
    model_styles,
)

METRICS = {"mask_iou_cls": "CLS token", "mask_iou_spatial": "Patch tokens"}
SETTING = "max over heads per image, then mean"


def draw(data: FigureData) -> Drawn:
    """Draw CLS attention on the left, patch tokens on the right; one row of panels per dataset."""
    styles = model_styles(data.models)
    datasets = list(dict.fromkeys(name for table in data.tables for name in table.datasets("mask_iou_cls"))) or [None]
    legend = min(6, legend_columns(data.models, PAGE_WIDTH))
    n_legend_rows = -(-len(data.tables) // legend)
    figure = Figure(figsize=(PAGE_WIDTH, 2.5 * len(datasets) + 0.14 * n_legend_rows + 0.3), layout="constrained")
    grid = figure.subplots(len(datasets), 2, sharey="row", squeeze=False)
    frames = []
    for row, dataset in zip(grid, datasets, strict=True):
        for axes, (metric, title) in zip(row, METRICS.items(), strict=True):
            n_layers = 1
            for table in data.tables:
                rows = table.select(metric, heads="best", setting=SETTING, dataset=dataset)
                draw_curve(axes, table.model, styles[table.model.id], rows, crowded=len(data.tables) > 8)
                frames.append(curve_frame(table.model, rows))
                n_layers = n_layers if table.model.is_random else max(n_layers, int(rows["layer"].max()))
            layer_axis(axes, n_layers)
            axes.set_title(title if len(datasets) == 1 else f"{title}, {dataset}", loc="left", weight="bold")
            grid_lines(axes)
        row[0].set_ylim(bottom=0)
        row[0].set_ylabel("IoU with object masks, best head")
    handles = [legend_handle(table.model, styles[table.model.id]) for table in data.tables]
    figure.legend(handles=handles, loc="outside lower center", ncols=legend)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
