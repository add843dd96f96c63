"""Average attention distance: every head by layer, and the mean per layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from workflow_scripts.figures.curves import curve_frame
from workflow_scripts.figures.data import Drawn, FigureData, ModelTable
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.layout import even_rows, wrap
from workflow_scripts.figures.model_curves import draw_models, model_handles
from workflow_scripts.figures.style import (
    PAGE_HEIGHT,
    grid_lines,
    is_narrow,
    legend_columns,
    model_styles,
    page_width,
)
from workflow_scripts.figures.tags import tag_dataset

METRIC = "attention_distance"
LABEL = "Attention distance (longer grid side = 1)"
_BESIDE = 12  # models whose heads stand beside the means; those of more stand below, and on further pages
_ROW, _MEANS, _NAMES = 1.05, 3.1, 0.45  # inches: a row of panels of heads, the means on a page of many, names of axes


def draw(data: FigureData) -> Drawn:
    """Draw a scatter of heads per model, and all models' means with intervals, all on one vertical scale."""
    shown = [table for table in data.tables if not table.model.random]
    heads = {table.model.id: table.select(METRIC, heads="each") for table in shown}
    top = 1.05 * max(rows["value"].max() for rows in heads.values())
    draw_page = _beside if len(shown) <= _BESIDE and not is_narrow() else _below
    pages, means = draw_page(data, shown, heads, top)
    frames = [curve_frame(table.model, heads[table.model.id]) for table in shown]
    return Drawn(pages[0], pd.concat([*frames, *means], ignore_index=True), tuple(pages[1:]))


def _beside(
    data: FigureData, shown: Sequence[ModelTable], heads: dict[str, pd.DataFrame], top: float
) -> tuple[list[Figure], list[pd.DataFrame]]:
    """Draw heads at the left, means at the right."""
    columns = 1 if len(shown) == 1 else 2 if len(shown) <= 4 else 3 if len(shown) in (5, 6, 9) else 4
    height = max(3.2, _ROW * -(-len(shown) // columns) + _NAMES)
    figure = Figure(figsize=(page_width(), height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0.03)
    left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
    _draw_heads(left, data, shown, heads, columns, 0.52 * page_width(), top)
    return [figure], _draw_means(right, data, page_width() / 2.2, top)


def _below(
    data: FigureData, shown: Sequence[ModelTable], heads: dict[str, pd.DataFrame], top: float
) -> tuple[list[Figure], list[pd.DataFrame]]:
    """Draw means, and below them and on further pages heads."""
    columns, room = 3 if is_narrow() else 5, PAGE_HEIGHT - _NAMES
    first = columns * int((room - _MEANS) / _ROW)
    groups = [shown[:first]]
    if len(shown) > first:
        later = shown[first:]
        groups += [[later[place] for place in places] for places in even_rows(len(later), columns * int(room / _ROW))]
    pages, means = [], []
    for group in groups:
        rows = -(-len(group) // columns)
        lower = _ROW * rows + _NAMES
        figure = Figure(figsize=(page_width(), lower + (0 if pages else _MEANS)), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
        part = figure
        if not pages:
            upper, part = figure.subfigures(2, 1, height_ratios=(_MEANS, lower))
            means = _draw_means(upper, data, page_width(), top)
        _draw_heads(part, data, group, heads, columns, page_width(), top)
        pages.append(figure)
    return pages, means


def _draw_heads(
    part: Figure | SubFigure,
    data: FigureData,
    shown: Sequence[ModelTable],
    heads: dict[str, pd.DataFrame],
    columns: int,
    width: float,
    top: float,
) -> None:
    styles, depths = model_styles(data.models), Depths.of(data.models)
    grid = part.subplots(-(-len(shown) // columns), columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for place, (axes, table) in enumerate(zip(grid.flat, shown, strict=False)):
        model, rows = table.model, heads[table.model.id]
        style = styles[model.id]
        axes.scatter(depths.places(model, rows), rows["value"], s=7, color=style.colour, alpha=0.75, linewidths=0)
        depths.number(axes, at_most=6)
        axes.tick_params(labelbottom=place + columns >= len(shown))
        title = wrap(model.display_name, width / columns - 0.12, 7)
        axes.set_title(title, color=style.text, fontsize=7, weight="bold", loc="left", pad=2, linespacing=1.0)
        grid_lines(axes)
    grid.flat[0].set_ylim(0, top)  # shared by all panels
    part.supylabel(LABEL, fontsize=7.5)
    part.supxlabel(f"{depths.label()}; every point is a head", fontsize=7.5)


def _draw_means(part: Figure | SubFigure, data: FigureData, width: float, top: float) -> list[pd.DataFrame]:
    """Draw every model's mean over heads by layer; return what is drawn."""
    axes: Axes = part.subplots()
    depths = Depths.of(data.models)
    rows = {table.model.id: table.select(METRIC, heads="mean") for table in data.tables}
    frames = draw_models(axes, data.models, rows, depths)
    depths.number(axes)
    highest = np.nanmax(np.concatenate([own[["value", "ci_high"]].to_numpy(float) for own in rows.values()]))
    axes.set_ylim(0, max(top, 1.02 * highest))
    axes.set_xlabel(depths.label())
    axes.set_ylabel(LABEL.replace(" (", "\n(") if width > 5 else LABEL)
    axes.set_title("Mean over heads", loc="left", fontsize=7.5, weight="bold")
    tag_dataset(axes, ", ".join(dict.fromkeys(frames[0]["dataset"])))
    grid_lines(axes)
    handles = model_handles(data.models)
    names = [handle.get_label() for handle in handles]
    part.legend(handles=handles, loc="outside lower center", ncols=min(6, legend_columns(names, width)))
    return frames
