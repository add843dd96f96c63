"""Similarity of the models' last layers, from CLS tokens and from patch tokens."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData, PairTable
from workflow_scripts.figures.layout import figure_text
from workflow_scripts.figures.matrices import colour_bar, name_size, name_width, named_matrix
from workflow_scripts.figures.similarities import grouped, last_layers, pair_frame
from workflow_scripts.figures.style import QUIET, page_width

SETTINGS = {"cls": "CLS token", "spatial": "Patch tokens"}
_GAP, _BAR, _TITLE = 0.14, 0.42, 0.22  # inches
_MAX_CELL, _SMALLEST_CELL = 0.5, 0.085


def draw(data: FigureData) -> Drawn:
    """Draw one matrix of models for the CLS token, one for patch tokens."""
    return draw_matrices(data, SETTINGS, _MAX_CELL)


def draw_matrices(data: FigureData, settings: dict[str, str], max_cell: float) -> Drawn:
    """Draw one matrix of all models for each of `settings` (token selection: title) side by side, if names can be read so.

    Cells are at most `max_cell` inches wide. Else each matrix has a page of its own.
    """
    table = data.pairs["cka"].of(grouped(data.pairs["cka"].models))
    groups = (
        [settings] if _cell(table.models, len(settings), max_cell) >= _SMALLEST_CELL else [{k: v} for k, v in settings.items()]
    )
    pages, frames = [], []
    for group in groups:
        cell = _cell(table.models, len(group), max_cell)
        page, rows = _page(table, group, cell)
        pages.append(page)
        frames += rows
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))


def _cell(models: Sequence[RunModel], matrices: int, max_cell: float) -> float:
    """Return the side of a cell, in inches, where `matrices` stand side by side."""
    cell = max_cell
    for _ in range(3):  # names get smaller with the cells, which makes room for the cells
        names = name_width(models, name_size(cell))
        cell = min(max_cell, (page_width() - names - _BAR - _GAP * (matrices - 1)) / matrices / len(models))
    return cell


def _page(table: PairTable, settings: dict[str, str], cell: float) -> tuple[Figure, list[pd.DataFrame]]:
    models = table.models
    names = name_width(models, name_size(cell))
    side = cell * len(models)
    width = names + len(settings) * (side + _GAP) - _GAP + _BAR
    figure = Figure(figsize=(width, _TITLE + names + side + 0.05))
    frames, left = [], names
    for place, (setting, title) in enumerate(settings.items()):
        values, rows = last_layers(table, setting)
        named_matrix(figure, values, models, left, _TITLE + names, cell, row_names=place == 0)
        figure_text(figure, left, 0.04, title, weight="bold", fontsize=8, va="top")
        dataset = ", ".join(dict.fromkeys(rows["dataset"]))
        if place == len(settings) - 1:
            figure_text(figure, width - 0.05, 0.05, dataset, fontsize=6, color=QUIET, va="top", ha="right")
        frames.append(pair_frame(rows, models))
        left += side + _GAP
    height = min(side, 1.6)
    colour_bar(figure, left - _GAP + 0.1, _TITLE + names + (side - height) / 2, 0.09, height)
    return figure, frames
