"""One page: attention, similarity of features, and scores of the downstream tasks, for the main models."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import Curve, first_measured
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.heads import chosen_heads
from workflow_scripts.figures.layout import even_rows, figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import map_frame, mosaic, show_cells
from workflow_scripts.figures.matrices import colour_bar, name_size, name_width, named_matrix, prints_values
from workflow_scripts.figures.scores import best_scores, draw_bars
from workflow_scripts.figures.similarities import grouped, last_layers, pair_frame
from workflow_scripts.figures.style import INK, PAGE_WIDTH, QUIET, model_styles

DEPTH = 0.75  # relative depth of the layer whose attention is shown: layer 9 of 12
TASKS = {  # two lines of heading: the scores, of which the first that was measured is drawn
    ("k-NN", "top-1"): ("knn",),
    ("Retrieval", "mAP"): ("retrieval",),
    ("Video", "J&F mean"): ("video", "video_normal"),
    ("Keypoints", "PCK@0.1"): ("keypoints",),
}

_EDGE, _GAP, _HEAD, _NAMES, _BETWEEN = 0.06, 0.08, 0.22, 0.5, 0.26  # inches
_HEADING = 2.8  # inches that the heading above the matrix takes
_MAX_MAP, _MAX_CELL = 1.15, 0.34
_MOST = 24  # models on a page
_MATRIX = 0.42  # share of the page's width, less names, that the matrix takes at most


def draw(data: FigureData) -> Drawn:
    """Draw average CLS attention at the top, and below it a row per model: CKA of its CLS token, and its best scores.

    It has the page's width whatever the author chooses. More than `_MOST` models are on several pages, kinds of
    supervision together.
    """
    models = grouped([model for model in data.models if not model.random])
    random = [model for model in data.models if model.random]
    pages, frames = [], []
    for places in even_rows(len(models), _MOST):
        own = [models[place] for place in places]
        figure, drawn = _page(data.of([*own, *random]), own)
        pages.append(figure)
        frames += drawn
    drawn = pd.concat(frames, ignore_index=True).astype(dict.fromkeys(("rows", "columns", "other_layer"), "Int64"))
    drawn["display_name"] = drawn["model"].map({model.id: model.display_name for model in data.models})
    first = ["part", "display_name", "model"]
    drawn = drawn[[*first, *drawn.columns.drop(first)]].drop_duplicates(ignore_index=True)  # the baseline is on each page
    note = "Maps: [layer, head], the head of median concentration. Bars: best score [layer], 0 at the left."
    return Drawn(pages[0], drawn, tuple(pages[1:]), note)


def _page(data: FigureData, models: Sequence[RunModel]) -> tuple[Figure, list[pd.DataFrame]]:
    cell = min(_MAX_CELL, _MATRIX * (PAGE_WIDTH - 0.8) / len(models))
    names = name_width(models, name_size(cell))
    side = cell * len(models)
    maps = [_maps_of(data, model) for model in models]
    lines = even_rows(len(models), at_most=10)
    width = min(_MAX_MAP, (PAGE_WIDTH - 2 * _EDGE + _GAP) / len(lines[0]) - _GAP)
    height = width * max(one.rows / one.columns for one in maps)
    titles = 0.115 * max(wrap(model.display_name, width + _GAP, 7).count("\n") + 1 for model in models) + 0.06
    shelf = titles + height + 0.16
    below = _HEAD + len(lines) * shelf + 0.1
    top = below + _HEAD + max(names, _NAMES)
    figure = Figure(figsize=(PAGE_WIDTH, top + side + 0.06))
    _heading(figure, _EDGE, 0.05, "Attention: CLS token, average over images")
    frames = []
    for number, places in enumerate(lines):
        for column, place in enumerate(places):
            left, upper = _EDGE + column * (width + _GAP), _HEAD + number * shelf + titles
            frames.append(_draw_map(figure, maps[place], data, left, upper, width, height))
    _heading(figure, _EDGE, below, "Features: CKA of last-layer CLS tokens")
    values, rows = last_layers(data.pairs["cka"].of(models), "cls")
    named_matrix(figure, values, models, names, top, cell)
    if not prints_values(cell):
        colour_bar(figure, names + side - 0.6, below + 0.03, 0.55, 0.07, named=False)
    frames.append(pair_frame(rows, models).assign(part="similarity"))
    left = max(names + side + _BETWEEN, _HEADING)
    _heading(figure, left, below, "Downstream tasks: best score [layer]")
    frames += _draw_scores(figure, data, models, left, top, side)
    return figure, frames


def _heading(figure: Figure, left: float, top: float, text: str) -> None:
    figure_text(figure, left, top, text, weight="bold", fontsize=8, va="top")


def _maps_of(data: FigureData, model: RunModel) -> ModelMaps:
    given = data.maps["attention"]
    for maps in given:
        if maps.model.id == model.id:
            return maps
    raise AtlasError(f"no maps of model '{model.id}' among the {len(given)} given; add them to --maps")


def _draw_map(
    figure: Figure, maps: ModelMaps, data: FigureData, left: float, top: float, width: float, room: float
) -> pd.DataFrame:
    """Show the head of median concentration in the layer at relative depth `DEPTH`."""
    average = maps.on_grid("average_cls")
    layer = max(1, round(DEPTH * len(average)))
    heads = chosen_heads(average)[layer - 1]
    head = int(heads[len(heads) // 2])
    shown = average[layer - 1, head]
    height = width * maps.rows / maps.columns
    axes = inch_axes(figure, left, top + (room - height) / 2, width, height)
    show_cells(axes, mosaic(shown[None, None]), 1, 1)
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(f"[{layer}, {head + 1}]", fontsize=6, color=QUIET, labelpad=1.5)
    name = wrap(maps.model.display_name, width + _GAP, 7)
    size = fitting_size([name], width + _GAP, 7)
    colour = model_styles(data.models)[maps.model.id].text
    axes.set_title(name, fontsize=size, weight="bold", color=colour, pad=2.5, linespacing=1.0)
    frame = map_frame(maps, "average_cls", shown[None, None], [layer], [head + 1], n=maps.n_images)
    return frame.assign(part="attention")


def _draw_scores(
    figure: Figure, data: FigureData, models: Sequence[RunModel], left: float, top: float, side: float
) -> list[pd.DataFrame]:
    """Draw a column of bars per task, each bar in the row of its model in the matrix."""
    styles = model_styles(data.models)
    width = (PAGE_WIDTH - _EDGE - left + _GAP) / len(TASKS) - _GAP
    frames = []
    for place, (heading, names) in enumerate(TASKS.items()):
        curve = Curve.of(first_measured(data, [data.scores[name] for name in names]))
        dataset = curve.datasets(data)[0]
        scores = best_scores(data, curve, dataset)
        at = left + place * (width + _GAP)
        axes = inch_axes(figure, at, top, width, side)
        draw_bars(axes, scores, models, styles, room=min(0.75, 0.42 / width), size=6)
        size = fitting_size([dataset or "-"], width + _GAP, 5.5)
        figure_text(figure, at, top - 0.08, dataset or "", fontsize=size, color=QUIET)
        for line, text in enumerate(reversed(heading)):
            figure_text(figure, at, top - 0.18 - 0.11 * line, text, fontsize=6.5, color=INK, weight="bold")
        frames.append(scores.assign(part="score"))
    return frames
