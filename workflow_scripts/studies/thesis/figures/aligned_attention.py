"""Examples of each kind of attention head, as aligned maps."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps, ModelTable
from workflow_scripts.figures.heads import (
    FARTHEST,
    KIND_NAMES,
    aligned_map,
    example,
    kinds,
    pair,
    show_aligned,
    show_nothing,
    with_metric,
)
from workflow_scripts.figures.layout import even_rows, figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import long_frame
from workflow_scripts.figures.style import PAGE_HEIGHT, PAGE_WIDTH, model_styles

_LEFT, _GAP, _LABEL, _TITLE, _BLOCK = 0.72, 0.07, 0.125, 0.22, 0.12  # inches
_MAX_CELL = 0.82


@dataclass(frozen=True)
class _Page:
    """The size of a cell, of a row of cells and of a block of models, in inches, and of the models' names, in points."""

    cell: float
    aspect: float
    size: float
    title: float

    @property
    def row(self) -> float:
        return self.cell * self.aspect + _LABEL + _GAP

    @property
    def block(self) -> float:
        return self.title + len(KIND_NAMES) * self.row + _BLOCK


def draw(data: FigureData) -> Drawn:
    """Draw a grid: rows are kinds of heads, columns models; twelve models at most stand side by side."""
    styles = model_styles(data.models)
    pairs = pair(data, data.maps["attention"])
    blocks = even_rows(len(pairs), at_most=12)
    page = _page([maps for _, maps in pairs], len(blocks[0]), len(blocks))
    figure = Figure(figsize=(_LEFT + len(blocks[0]) * (page.cell + _GAP) + 0.05, len(blocks) * page.block))
    frames = []
    for block, places in enumerate(blocks):
        top = block * page.block + page.title
        for line, name in enumerate(KIND_NAMES.values()):
            middle = top + line * page.row + _LABEL + page.cell * page.aspect / 2
            figure_text(figure, 0.06, middle, name.replace(" ", "\n"), va="center", fontsize=7.5)
        for column, place in enumerate(places):
            table, maps = pairs[place]
            left = _LEFT + column * (page.cell + _GAP)
            title = wrap(maps.model.display_name, page.cell + _GAP, page.size)
            look = {"fontsize": page.size, "weight": "bold", "color": styles[maps.model.id].text, "linespacing": 1.0}
            figure_text(figure, left + page.cell / 2, top - 0.03, title, ha="center", va="bottom", **look)
            frames += _column(figure, table, maps, page, left, top)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _page(maps: list[ModelMaps], columns: int, blocks: int) -> _Page:
    """Return the sizes at which `blocks` of `columns` models fill the page, if patches can still be seen."""
    aspect = max(one.rows / one.columns for one in maps)
    cell = min(_MAX_CELL, (PAGE_WIDTH - _LEFT - 0.05) / columns - _GAP)
    kinds_height = PAGE_HEIGHT / blocks - _TITLE - _BLOCK
    cell = max(0.2, min(cell, (kinds_height / len(KIND_NAMES) - _LABEL - _GAP) / aspect))
    size = fitting_size((one.model.display_name for one in maps), cell + _GAP, 7)
    lines = max(wrap(one.model.display_name, cell + _GAP, size).count("\n") + 1 for one in maps)
    return _Page(cell, aspect, size, _TITLE + 0.11 * (lines - 1))


def _column(figure: Figure, table: ModelTable, maps: ModelMaps, page: _Page, left: float, top: float) -> list[pd.DataFrame]:
    """Draw the example of each kind of a model's heads below each other; return what is drawn."""
    heads = with_metric(kinds(table), table, "attention_distance", *FARTHEST.values())
    height = page.cell * maps.rows / maps.columns
    shift = (page.cell * page.aspect - height) / 2
    frames = []
    for line, kind in enumerate(KIND_NAMES):
        axes = inch_axes(figure, left, top + line * page.row + _LABEL + shift, page.cell, height)
        chosen = example(heads, kind)
        if chosen is None:
            show_nothing(axes, "none")
            continue
        layer, head = int(chosen["layer"]), int(chosen["head"])
        shown = aligned_map(maps, layer, head)
        show_aligned(axes, shown, marked=kind in FARTHEST)
        axes.set_title(f"[{layer}, {head}]", fontsize=5.5, pad=1.5)
        frame = long_frame(maps.model, shown[None, None], [layer], [head], centred=True)
        frame.insert(1, "kind", kind)
        frames.append(frame)
    return frames
