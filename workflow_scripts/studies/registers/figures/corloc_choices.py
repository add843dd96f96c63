"""How often an object is found, by facet, layer, bias and size of the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes
from workflow_scripts.figures.style import COLOUR_MAP, INK, MARK, QUIET, model_styles, page_width, text_on
from workflow_scripts.studies.registers.corloc_by_choice import (
    ANALYSIS,
    FACET_NAMES,
    FACETS,
    Choice,
    best,
    choices,
    percent,
    study_choice,
)
from workflow_scripts.studies.registers.measured import Row, measured_of
from workflow_scripts.studies.registers.model_bars import COLUMNS, drawn_rows
from workflow_scripts.studies.registers.twin_order import beside_twins

_OWN = "#ffffff"  # frame of the study's setting, cased in ink
_NAMES, _EDGE, _GAP = 1.02, 0.08, 0.2  # inches: names of rows; around the page; between blocks
_TITLE, _LINE, _HEADS = 0.2, 0.12, 0.3  # inches: a model's name, a line below it, names of columns
_CELL, _LEAST = 0.28, 0.17  # inches: widths of cells; narrower ones put blocks below each other
_TALL = 0.145  # inches of a row
_BETWEEN = 0.06  # inches between facets
_LEGEND = 0.22


@dataclass(frozen=True)
class _Block:
    """One model on one dataset."""

    model: RunModel
    dataset: str
    found: dict[Choice, Row]

    @property
    def rows(self) -> list[tuple[str, list[int]]]:
        """Return the facets with their layers, the last first."""
        facets = [facet for facet in FACETS if any(choice.facet == facet for choice in self.found)]
        return [(f, sorted({choice.layer for choice in self.found if choice.facet == f}, reverse=True)) for f in facets]

    @property
    def height(self) -> float:
        """Return the inches of its cells."""
        return sum(len(layers) * _TALL + _BETWEEN for _, layers in self.rows) - _BETWEEN


def draw(data: FigureData) -> Drawn:
    """Draw a table of coloured cells per model and dataset: facets and layers down, sizes and biases across."""
    blocks = []
    for model in beside_twins(data.without_random().models):
        measured = measured_of(data, model, ANALYSIS)
        every = ((name, choices(measured, name)) for name in measured.datasets)
        blocks += [_Block(model, name, found) for name, found in every if found]
    if not blocks:
        return draw_absent("not measured", COLUMNS)
    sides = sorted({choice.side for block in blocks for choice in block.found}, key=lambda side: side or 0)
    sides = sorted(sides, key=lambda side: side is None)  # own size is the last
    biases = sorted({choice.bias for block in blocks for choice in block.found})
    page = _Page(sides, biases)
    return page.draw(blocks)


class _Page:
    """Blocks of the same columns on a page, as many side by side as are legible."""

    def __init__(self, sides: Sequence[int | None], biases: Sequence[float]) -> None:
        self.sides, self.biases = sides, biases
        count = len(sides) * len(biases)
        gaps = _BETWEEN * (len(sides) - 1)
        self.columns = max(1, int((page_width() - 2 * _EDGE + _GAP) / (_NAMES + count * _LEAST + gaps + _GAP)))
        room = (page_width() - 2 * _EDGE - _GAP * (self.columns - 1)) / self.columns
        self.cell = min(_CELL, (room - _NAMES - gaps) / count)
        self.step = room + _GAP

    def draw(self, blocks: Sequence[_Block]) -> Drawn:
        shelves = [blocks[start : start + self.columns] for start in range(0, len(blocks), self.columns)]
        heights = [_TITLE + 2 * _LINE + _HEADS + max(block.height for block in shelf) + _GAP for shelf in shelves]
        wide = self.step * min(self.columns, len(blocks)) - _GAP + 2 * _EDGE
        figure = Figure(figsize=(wide, _EDGE + sum(heights) + _LEGEND))
        self.styles = model_styles([block.model for block in blocks])
        top = _EDGE + _LEGEND
        for shelf, height in zip(shelves, heights, strict=True):
            for place, block in enumerate(shelf):
                self._draw_block(figure, block, _EDGE + place * self.step, top)
            top += height
        handles = [
            Patch(facecolor="none", edgecolor=MARK, linewidth=1.6, label="the best"),
            Patch(facecolor=_OWN, edgecolor=INK, linewidth=0.8, linestyle=(0, (2, 1)), label="the study's setting"),
        ]
        place = {"loc": "upper left", "bbox_to_anchor": (0, 1)}
        figure.legend(handles=handles, **place, ncols=2, handlelength=1.2, handleheight=1, borderaxespad=0.4)
        return Drawn(figure, drawn_rows([row for block in blocks for row in block.found.values()]))

    def _draw_block(self, figure: Figure, block: _Block, left: float, top: float) -> None:
        chosen, own = best(block.found), study_choice(block.model, block.found)
        name = self.styles[block.model.id].text
        size = fitting_size([block.model.display_name.replace(" ", "_")], self.step - _GAP, 7.5)
        figure_text(figure, left, top + 0.12, block.model.display_name, fontsize=size, weight="bold", color=name)
        top += _TITLE
        said = [f"best {100 * block.found[chosen]['value']:.1f}: {chosen.text}"]
        said += [f"study {100 * block.found[own]['value']:.1f}: {own.text}"] if own else []
        for line in said:
            figure_text(figure, left, top + 0.08, line, fontsize=6, color=INK)
            top += _LINE
        top += (2 - len(said)) * _LINE
        figure_text(figure, left, top + 0.11, block.dataset, fontsize=fitting_size([block.dataset], _NAMES, 6), color=QUIET)
        top = self._heads(figure, left + _NAMES, top)
        values = [row["value"] for row in block.found.values()]
        low, high = min(values), max(values)
        for facet, layers in block.rows:
            height = len(layers) * _TALL
            figure_text(figure, left, top + 0.1, FACET_NAMES[facet], fontsize=6, weight="bold")
            for turn, layer in enumerate(layers):
                at = top + (turn + 0.5) * _TALL
                if turn or len(FACET_NAMES[facet]) < 14:  # a long name leaves no room for the number of its only layer
                    figure_text(figure, left + _NAMES - 0.05, at, str(layer), fontsize=6, ha="right", va="center", color=QUIET)
            for turn, side in enumerate(self.sides):
                width = len(self.biases) * self.cell
                axes = inch_axes(figure, left + _NAMES + turn * (width + _BETWEEN), top, width, height)
                every = [[Choice(facet, layer, shift, side) for shift in self.biases] for layer in layers]
                self._cells(axes, every, block.found, (low, high), {chosen: MARK, own: _OWN})
            top += height + _BETWEEN

    def _heads(self, figure: Figure, left: float, top: float) -> float:
        """Name the sizes and biases; return where cells begin."""
        texts = [percent(shift) for shift in self.biases]
        size = fitting_size(texts, self.cell, 5.5)
        for turn, side in enumerate(self.sides):
            start = left + turn * (len(self.biases) * self.cell + _BETWEEN)
            middle = start + len(self.biases) * self.cell / 2
            figure_text(figure, middle, top + 0.11, Choice("", 0, 0, side).size, fontsize=6, weight="bold", ha="center")
            for place, text in enumerate(texts):
                figure_text(
                    figure, start + (place + 0.5) * self.cell, top + 0.25, text, fontsize=size, color=QUIET, ha="center"
                )
        figure_text(figure, left - 0.05, top + 0.25, "layer \N{BULLET} bias, %", fontsize=5.5, color=QUIET, ha="right")
        return top + _HEADS

    def _cells(
        self,
        axes: Axes,
        every: Sequence[Sequence[Choice]],
        found: dict[Choice, Row],
        span: tuple[float, float],
        framed: dict[Choice | None, str],
    ) -> None:
        """Draw cells [layers, biases], coloured over a span of values, with their percents."""
        values = np.array([[found[one]["value"] if one in found else np.nan for one in row] for row in every], float)
        low, high = span
        shades = (values - low) / (high - low or 1)
        colours = matplotlib.colormaps[COLOUR_MAP].with_extremes(bad="#ececec")
        axes.imshow(shades, cmap=colours, vmin=0, vmax=1, aspect="auto", interpolation="none")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        size = min(6.0, 0.5 * self.cell * 72)
        for (row, column), value in np.ndenumerate(values):
            if np.isnan(value):
                continue
            colour = text_on(colours(float(shades[row, column])))
            style = {"ha": "center", "va": "center_baseline", "fontsize": size, "color": colour}
            axes.text(column, row, f"{100 * value:.0f}", **style, weight="bold" if every[row][column] in framed else None)
            if frame := framed.get(every[row][column]):
                self._frame(axes, row, column, frame)

    @staticmethod
    def _frame(axes: Axes, row: int, column: int, colour: str) -> None:
        box = {"xy": (column - 0.5, row - 0.5), "width": 1, "height": 1, "fill": False, "clip_on": False}
        if colour == MARK:
            axes.add_patch(Rectangle(**box, edgecolor=MARK, linewidth=1.6, zorder=5))
            return
        axes.add_patch(Rectangle(**box, edgecolor=_OWN, linewidth=1.2, zorder=4))
        axes.add_patch(Rectangle(**box, edgecolor=INK, linewidth=1.2, linestyle=(0, (2, 1)), zorder=4))
