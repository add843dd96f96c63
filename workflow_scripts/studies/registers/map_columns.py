"""Pictures and maps of them side by side: a column of pictures, then a column for each model, in blocks that a page holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.layout import even_rows, figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import outline, show_cells
from workflow_scripts.figures.style import COLOUR_MAP, INK, MARK, QUIET, page_width

_ACROSS = 9  # models of a block, beside its pictures
_EDGE, _GAP, _LINE, _NOTE, _BETWEEN = 0.05, 0.05, 0.12, 0.14, 0.12  # inches
_LARGEST = 1.25  # inches of a picture's width
_SCALE = (0.08, 0.36)  # inches: how tall the scale of colours is, and it with its numbers


@dataclass(frozen=True)
class Column:
    """One model's maps [I, h, w] in colours of a range, and cells [I, h, w] to outline; `note` stands below."""

    model: RunModel
    colour: str
    values: np.ndarray
    marked: np.ndarray
    span: tuple[float, float] | None = None
    note: str = ""

    def frame(self) -> pd.DataFrame:
        """Return its cells as rows of a figure's CSV: images, rows and columns from 1."""
        image, row, column = (axis.ravel() + 1 for axis in np.indices(self.values.shape, dtype=np.int32))
        cells = {"image": image, "row": row, "column": column, "above_cutoff": self.marked.ravel()}
        return pd.DataFrame({"model": self.model.id, **cells, "value": self.values.astype(np.float32).ravel()})


def map_columns(pictures: np.ndarray, columns: Sequence[Column], scale: str = "") -> Figure:
    """Lay pictures and maps out, a row per picture.

    Args:
        pictures: [I, H, W, 3] uint8.
        columns: of the models; maps without a range (`span`) have, each, their own.
        scale: what the colours of one common range mean; "" draws no scale.
    """
    count, aspect = len(pictures), pictures.shape[1] / pictures.shape[2]
    blocks = [[columns[place] for place in places] for places in even_rows(len(columns), _ACROSS)]
    across = len(blocks[0]) + 1
    cell = min(_LARGEST, (page_width() - 2 * _EDGE - _GAP * (across - 1)) / across)
    names = {one.model.id: wrap(one.model.display_name, 1.15 * cell) for one in columns}
    size = fitting_size(names.values(), cell + _GAP, 7.5)
    lines = max(name.count("\n") + 1 for name in names.values())
    note = _NOTE * any(one.note for one in columns)
    tall = lines * _LINE + 0.06 + count * cell * aspect + note
    width = 2 * _EDGE + across * cell + _GAP * (across - 1)
    below = _SCALE[1] * bool(scale)
    figure = Figure(figsize=(width, _EDGE + len(blocks) * (tall + _BETWEEN) + below))
    for place, block in enumerate(blocks):
        top = _EDGE + place * (tall + _BETWEEN) + lines * _LINE - 0.02
        _name(figure, _EDGE + cell / 2, top, "Picture", INK, size)
        axes = inch_axes(figure, _EDGE, top + 0.06, cell, count * cell * aspect)
        _show(axes, np.concatenate(list(pictures)), count)
        for turn, one in enumerate(block, 1):
            left = _EDGE + turn * (cell + _GAP)
            _name(figure, left + cell / 2, top, names[one.model.id], one.colour, size)
            axes = inch_axes(figure, left, top + 0.06, cell, count * cell * aspect)
            _show(axes, _coloured(one), count)
            for row, mask in enumerate(one.marked):
                outline(axes, row, 0, mask, MARK, 0.7)
            if one.note:
                under = top + 0.06 + count * cell * aspect + 0.11
                figure_text(figure, left + cell / 2, under, one.note, ha="center", fontsize=6, color=QUIET)
    if scale:
        _draw_scale(figure, columns[0].span, scale)
    return figure


def _name(figure: Figure, middle: float, bottom: float, text: str, colour: str, size: float) -> None:
    style = {"ha": "center", "va": "baseline", "fontsize": size, "weight": "bold", "linespacing": 1.0}
    figure_text(figure, middle, bottom, text, color=colour, **style)


def _show(axes: Axes, image: np.ndarray, count: int) -> None:
    show_cells(axes, image, count, 1, 1.5)
    axes.set(xticks=[], yticks=[])


def _coloured(column: Column) -> np.ndarray:
    """Return a column's maps below each other, in colours."""
    values = np.asarray(column.values, float)
    low, high = column.span or (values.min((1, 2), keepdims=True), values.max((1, 2), keepdims=True))
    shares = (values - low) / np.maximum(np.subtract(high, low), 1e-12)
    return matplotlib.colormaps[COLOUR_MAP](np.concatenate(list(shares)), bytes=True)[..., :3]


def _draw_scale(figure: Figure, span: tuple[float, float], meaning: str) -> None:
    width, height = figure.get_size_inches()
    wide = min(2.4, width - 2 * _EDGE - 0.3)
    axes = inch_axes(figure, (width - wide) / 2, height - _SCALE[1], wide, _SCALE[0])
    axes.imshow(np.linspace(0, 1, 256)[None], extent=(*span, 0, 1), aspect="auto", cmap=COLOUR_MAP)
    axes.set_yticks([])
    axes.tick_params(labelsize=6, pad=1.5)
    axes.set_xlabel(meaning, fontsize=6.5, labelpad=1)
