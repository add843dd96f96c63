"""One panel per kind of supervision, with the untrained models and the random baseline in each for reference."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import Curve, curve_frame, draw_curve, draw_level, draw_line, draw_thin
from workflow_scripts.figures.data import Drawn, FigureData, ModelTable
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.families import Course, draw_mean, is_many, mean_course, mean_frame, mean_handle
from workflow_scripts.figures.style import (
    FAMILIES,
    FAMILY_NAMES,
    FAMILY_TEXT_COLOURS,
    ModelStyle,
    grid_lines,
    is_narrow,
    legend_columns,
    legend_handle,
    model_styles,
    page_width,
)
from workflow_scripts.figures.tags import tag_dataset

_TOLD_APART = 6  # models of one kind of supervision up to which a panel tells each apart by its dash and marker
_FEWEST = 3  # models of which a mean says more than they do

Rows = Mapping[str, pd.DataFrame]  # of models by id
Places = Callable[[RunModel, pd.DataFrame], np.ndarray]  # where on the horizontal axis the rows of a model lie


def draw_by_supervision(data: FigureData, curve: Curve, label: str) -> Drawn:
    """Draw `curve` over layers, one row of panels per dataset that it was measured on.

    Args:
        data: tables of the models, in order.
        curve: the rows of each model.
        label: name of the vertical axis.

    Returns:
        The figure and the rows drawn.
    """
    depths, datasets = Depths.of(data.models), curve.datasets(data)
    selected = [{table.model.id: curve.rows(table, name) for table in data.tables} for name in datasets]
    frames = [curve_frame(table.model, rows[table.model.id]) for rows in selected for table in data.tables]
    rows = list(zip(datasets, selected, strict=True))
    figure, means = panels_by_supervision(
        data,
        rows,
        label,
        depths.label(narrow=True),
        depths.places,
        lambda axes: depths.number(axes, at_most=6),
        depths.column,
    )
    return Drawn(figure, pd.concat([*frames, *means], ignore_index=True))


def panels_by_supervision(
    data: FigureData,
    rows: Sequence[tuple[str | None, Rows]],
    label: str,
    x_label: str,
    places: Places,
    x_axis: Callable[[Axes], None],
    column: str = "depth",
    plot_random: Callable[[Axes, ModelStyle, pd.DataFrame], None] = draw_level,
) -> tuple[Figure, list[pd.DataFrame]]:
    """Draw rows of panels, one panel for each kind of supervision that occurs, all with one horizontal axis.

    Of many models each panel also has the mean of its own in bold. A panel with more than can be told apart has them as thin
    lines, and names the one that reaches highest and the one that stays lowest.

    Args:
        data: tables of the models, in order.
        rows: for each row of panels its dataset and what to plot of each model, by id: value, ci_low, ci_high.
        label: name of the vertical axis.
        x_label: name of the horizontal axis.
        places: where on the horizontal axis the rows of a model lie.
        x_axis: sets the limits and ticks.
        column: of the figure's CSV that holds these places.
        plot_random: draws the random baseline.

    Returns:
        The figure, and the rows of the means that it shows.
    """
    styles, many = model_styles(data.models), is_many(data.models)
    reference = [table for table in data.tables if table.model.supervision == "none"]
    families = [f for f in FAMILIES if f != "none" and any(t.model.supervision == f for t in data.tables)] or ["none"]
    shown = {
        family: [table for table in data.tables if table.model.supervision == family and table not in reference]
        for family in families
    }
    looks = {family: _look(own, rows[0][1], many) for family, own in shown.items()}
    names = [table.model.display_name for table in reference]
    columns = min(2, len(families)) if is_narrow() else len(families)
    blocks = [families[start : start + columns] for start in range(0, len(families), columns)]  # below each other
    width = page_width() if is_narrow() else max(3.0, page_width() * columns / 4)
    across = legend_columns(names, width) if names else 1
    apart = reference if families != ["none"] else []  # they have a legend of their own, once for all panels
    handles = {family: looks[family].handles(family, own or reference, styles) for family, own in shown.items()}
    legends = sum(0.14 * max(len(handles[family]) for family in block) for block in blocks)
    height = 0.5 + 2.1 * len(rows) * len(blocks) + legends + 0.16 * -(-len(apart) // across)
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(len(rows) * len(blocks), columns, squeeze=False)
    frames = []
    for turn, (dataset, values) in enumerate(rows):
        axes_of = {}
        for number, block in enumerate(blocks):
            line = grid[number * len(rows) + turn]
            for axes in line[len(block) :]:
                axes.remove()
            axes_of |= dict(zip(block, line, strict=False))
        for family, axes in axes_of.items():
            for table in reference:
                if table.model.random:
                    plot_random(axes, styles[table.model.id], values[table.model.id])
                else:
                    draw_line(axes, styles[table.model.id], *_course(table, values, places), crowded=True)
            frames += looks[family].plot(axes, shown[family], styles, values, places, column)
            x_axis(axes)
            axes.set_title(FAMILY_NAMES[family], color=FAMILY_TEXT_COLOURS[family], weight="bold", loc="left")
            grid_lines(axes)
            if turn == len(rows) - 1:
                axes.set_xlabel(x_label)
                _draw_legend(figure, axes, handles[family])
        top = max(axes.get_ylim()[1] for axes in axes_of.values())
        for family, axes in axes_of.items():
            axes.set_ylim(0, top)
            first = any(family == block[0] for block in blocks)
            axes.set_ylabel(label if first else "")
            axes.tick_params(labelleft=first)
        tag_dataset(axes_of[families[-1]], dataset)
    if apart:
        entries = [legend_handle(table.model, styles[table.model.id]) for table in apart]
        figure.legend(handles=entries, loc="outside lower center", ncols=across)
    return figure, frames


def _draw_legend(figure: Figure, axes: Axes, handles: Sequence[Line2D]) -> None:
    """Draw a legend below the name of the horizontal axis."""
    axes.legend(
        handles=handles,
        labels=[textwrap.fill(handle.get_label(), 24) for handle in handles],
        loc="upper left",
        bbox_to_anchor=(-0.02, 0),
        bbox_transform=axes.transAxes + ScaledTranslation(0, -0.36, figure.dpi_scale_trans),
        borderaxespad=0,
        borderpad=0,
    )


def _course(table: ModelTable, values: Rows, places: Places) -> Course:
    rows = values[table.model.id]
    return places(table.model, rows), rows["value"].to_numpy(float)


def _look(own: Sequence[ModelTable], values: Rows, many: bool) -> _Look:
    """Return how a panel shows its own models; those named by it are chosen by `values`."""
    if len(own) <= _TOLD_APART:
        return _Look(tuple(table.model.id for table in own), many and len(own) >= _FEWEST)
    highest = max(own, key=lambda table: values[table.model.id]["value"].max()).model.id
    lowest = min(own, key=lambda table: values[table.model.id]["value"].max()).model.id
    return _Look((highest, lowest), True, {highest: "highest: ", lowest: "lowest: "})


@dataclass(frozen=True)
class _Look:
    """How a panel shows its own models: which it tells apart by name, whether it has their mean, and what is said of some."""

    named: tuple[str, ...]
    mean: bool
    said: Mapping[str, str] = field(default_factory=dict)

    def handles(self, family: str, own: Sequence[ModelTable], styles: Mapping[str, ModelStyle]) -> list[Line2D]:
        handles = [mean_handle(family, f"mean of {len(own)}", behind=not self.said)] if self.mean else []
        named = [table.model for table in own if table.model.id in self.named or not self.named]
        for model in sorted(named, key=lambda model: list(self.said).index(model.id) if self.said else 0):
            handle = legend_handle(model, self._style(model, styles))
            handle.set_label(self.said.get(model.id, "") + model.display_name)
            handles.append(handle)
        return handles

    def plot(
        self,
        axes: Axes,
        own: Sequence[ModelTable],
        styles: Mapping[str, ModelStyle],
        values: Rows,
        places: Places,
        column: str,
    ) -> list[pd.DataFrame]:
        """Draw the panel's own models; return the rows of their mean, if it shows it."""
        courses = [_course(table, values, places) for table in own]
        for table, course in zip(own, courses, strict=True):
            model = table.model
            if model.id not in self.named:
                draw_thin(axes, styles[model.id], *course)
            elif self.mean:
                draw_line(axes, self._style(model, styles), *course, crowded=True)
            else:
                draw_curve(axes, styles[model.id], values[model.id], course[0], len(own))
        if not self.mean:
            return []
        mean, family = mean_course(courses), own[0].model.supervision
        draw_mean(axes, family, mean, behind=not self.said)
        return [mean_frame(family, column, mean, len(own), values[own[0].model.id])]

    def _style(self, model: RunModel, styles: Mapping[str, ModelStyle]) -> ModelStyle:
        """Return the look of a named model; the few named among many are told apart whatever their place is."""
        if not self.said:
            return styles[model.id]
        place = list(self.said).index(model.id)
        return replace(styles[model.id], dash=("-", (0, (4, 1.4)))[place], marker=("^", "v")[place])
