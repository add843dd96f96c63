"""Examples of each kind of attention head, as aligned maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
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
    strongest_offset,
    with_metric,
)
from workflow_scripts.figures.layout import even_rows, figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import RATIO_LIMIT, RATIO_MAP, map_frame, mosaic, show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, QUIET, model_styles, page_width

_LEFT, _GAP, _LABEL, _TITLE, _BLOCK, _SCALE = 0.72, 0.07, 0.125, 0.22, 0.12, 0.3  # inches
_MAX_CELL, _MIN_CELL = 0.82, 0.4
_SCALE_WIDTH = 2.9  # inches that the scale of ratios takes with its names
_OFFSET, _SPARSE = "offset_local", "sparse_repeating"
_STAND_IN = "*"  # after the [layer, head] of a head that the rule does not call an offset local head


@dataclass(frozen=True)
class _Page:
    """The size of a cell, of a row of cells and of a block of models, in inches, and of the models' names, in points."""

    cell: float
    aspect: float
    size: float
    title: float
    lines: tuple[str, ...]  # kinds, in order

    @property
    def row(self) -> float:
        return self.cell * self.aspect + _LABEL + _GAP

    @property
    def block(self) -> float:
        return self.title + len(self.lines) * self.row + _BLOCK


@dataclass(frozen=True)
class _Example:
    """A head that is shown for a kind; `stand_in` if it is not of that kind."""

    layer: int
    head: int
    stand_in: bool


def draw(data: FigureData) -> Drawn:
    """Draw a grid: rows are kinds of heads, columns models; twelve models at most stand side by side."""
    return draw_examples(data, ratio=False)


def draw_examples(data: FigureData, ratio: bool) -> Drawn:
    """Draw a grid of examples, each map as it is or as the ratio to uniform attention.

    A kind of head that no model has gets no row; the models without an offset local head show the head that is offset most.
    """
    pairs = pair(data, data.maps["attention"])
    examples = [_examples(table) for table, _ in pairs]
    lines = tuple(kind for kind in KIND_NAMES if any(kind in own for own in examples) and not (ratio and kind == _SPARSE))
    blocks = even_rows(len(pairs), at_most=12)
    page = _page([maps for _, maps in pairs], len(blocks[0]), lines, several=len(blocks) > 1)
    per_page = max(1, int((PAGE_HEIGHT - _SCALE) / page.block))
    frames, pages = [], []
    for chosen in even_rows(len(blocks), per_page):
        height = len(chosen) * page.block + (_SCALE if ratio else 0)
        width = max(_LEFT + len(blocks[0]) * (page.cell + _GAP) + 0.05, _SCALE_WIDTH if ratio else 0)
        figure = Figure(figsize=(width, height))
        for line, block in enumerate(chosen):
            top = line * page.block + page.title
            _name_lines(figure, page, top)
            for column, place in enumerate(blocks[block]):
                left = _LEFT + column * (page.cell + _GAP)
                _name_model(figure, data, pairs[place][1], page, left, top)
                frames += _column(figure, pairs[place][1], examples[place], page, left, top, ratio)
        if ratio:
            _ratio_scale(figure, _LEFT, height - _SCALE + 0.02)
        pages.append(figure)
    absent = [name.lower() for kind, name in KIND_NAMES.items() if not any(kind in own for own in examples)]
    note = f"No head of any model here is of these kinds: {', '.join(absent)}." if absent else ""
    if any(head.stand_in for own in examples for head in own.values()):
        note = f"{_STAND_IN} the head that is offset most, not local by our rule. {note}".strip()
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]), note)


def _examples(table: ModelTable) -> dict[str, _Example]:
    """Return the head to show for each kind."""
    heads = with_metric(kinds(table), table, "attention_distance", *FARTHEST.values())
    found = {kind: example(heads, kind) for kind in KIND_NAMES}
    shown = {kind: _Example(int(one["layer"]), int(one["head"]), False) for kind, one in found.items() if one is not None}
    if _OFFSET not in shown:
        farthest = strongest_offset(heads[heads["kind"] != "displaced"] if len(shown) > 1 else heads)
        shown[_OFFSET] = _Example(int(farthest["layer"]), int(farthest["head"]), True)
    return shown


def _page(maps: Sequence[ModelMaps], columns: int, lines: tuple[str, ...], several: bool) -> _Page:
    """Return the sizes at which a row of models fills the page, or two of `several` rows if patches are seen."""
    aspect = max(one.rows / one.columns for one in maps)
    cell = min(_MAX_CELL, (page_width() - _LEFT - 0.05) / columns - _GAP)
    fitting = ((PAGE_HEIGHT - _SCALE - _TITLE - _BLOCK) / len(lines) - _LABEL - _GAP) / aspect
    cell = min(cell, fitting)
    halved = ((PAGE_HEIGHT / 2 - _SCALE - 0.33 - _BLOCK) / len(lines) - _LABEL - _GAP) / aspect
    if several and halved >= _MIN_CELL:
        cell = min(cell, halved)
    size = fitting_size((one.model.display_name for one in maps), cell + _GAP, 7)
    text = max(wrap(one.model.display_name, cell + _GAP, size).count("\n") + 1 for one in maps)
    return _Page(cell, aspect, size, _TITLE + 0.11 * (text - 1), lines)


def _name_lines(figure: Figure, page: _Page, top: float) -> None:
    for line, kind in enumerate(page.lines):
        middle = top + line * page.row + _LABEL + page.cell * page.aspect / 2
        figure_text(figure, 0.06, middle, KIND_NAMES[kind].replace(" ", "\n"), va="center", fontsize=7.5)


def _name_model(figure: Figure, data: FigureData, maps: ModelMaps, page: _Page, left: float, top: float) -> None:
    title = wrap(maps.model.display_name, page.cell + _GAP, page.size)
    look = {"weight": "bold", "color": model_styles(data.models)[maps.model.id].text, "linespacing": 1.0}
    figure_text(figure, left + page.cell / 2, top - 0.03, title, ha="center", va="bottom", fontsize=page.size, **look)


def _column(
    figure: Figure, maps: ModelMaps, examples: Mapping[str, _Example], page: _Page, left: float, top: float, ratio: bool
) -> list[pd.DataFrame]:
    """Draw the example of each kind of a model's heads below each other; return what is drawn."""
    height = page.cell * maps.rows / maps.columns
    shift = (page.cell * page.aspect - height) / 2
    frames = []
    for line, kind in enumerate(page.lines):
        axes = inch_axes(figure, left, top + line * page.row + _LABEL + shift, page.cell, height)
        if kind not in examples:
            show_nothing(axes, "none")
            continue
        chosen = examples[kind]
        frames.append(_show(axes, maps, kind, chosen, ratio))
        mark = _STAND_IN if chosen.stand_in else ""
        axes.set_title(f"[{chosen.layer}, {chosen.head}]{mark}", fontsize=5.5, pad=1.5, color=INK)
    return frames


def _show(axes: Axes, maps: ModelMaps, kind: str, chosen: _Example, ratio: bool) -> pd.DataFrame:
    """Show a head's aligned map; of a sparse one, whose places vary with the image, its CLS attention on the first image."""
    place = [chosen.layer], [chosen.head]
    if kind == _SPARSE:
        shown = maps.on_grid("single_cls")[0, chosen.layer - 1, chosen.head - 1]
        show_cells(axes, mosaic(shown[None, None]), 1, 1)
        axes.set(xticks=[], yticks=[])
        same = {"image": maps.image_ids[0], "n": 1, "n_of": "images"}
        return map_frame(maps, "single_cls", shown[None, None], *place, kind=kind, **same)
    shown = aligned_map(maps, chosen.layer, chosen.head)
    show_aligned(axes, shown, marked=kind in FARTHEST, ratio=ratio)
    kind = f"not {kind}" if chosen.stand_in else kind
    same = {"image": "average", "n": maps.n_images, "n_of": "images"}
    return map_frame(maps, "aligned", shown[None, None], *place, kind=kind, **same)


def _ratio_scale(figure: Figure, left: float, top: float) -> None:
    """Draw the scale of ratios to uniform attention."""
    axes = inch_axes(figure, left, top, 1.6, 0.09)
    ramp = matplotlib.colormaps[RATIO_MAP](np.linspace(0, 1, 256))[None]
    axes.imshow(ramp, extent=(-1, 1, 0, 1), aspect="auto", interpolation="none")
    axes.spines[:].set_visible(False)
    axes.set(yticks=[])
    axes.set_xticks(
        (-1, 0, 1),
        (
            f"\N{GREATER-THAN OR EQUAL TO} {RATIO_LIMIT} times less",
            "uniform",
            f"\N{GREATER-THAN OR EQUAL TO} {RATIO_LIMIT} times more",
        ),
    )
    axes.tick_params(labelsize=5.5, length=1.5, pad=1.2, labelcolor=QUIET)
