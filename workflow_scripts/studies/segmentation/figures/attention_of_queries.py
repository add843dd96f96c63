"""Where two patches of an image attend to, in a contrastive model and in one that predicts masked patches."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes
from workflow_scripts.figures.maps import check_same_images, colour, show_cells
from workflow_scripts.figures.style import INK, MARK, model_styles, page_width
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, DINO, MIM, REGISTERS
from workflow_scripts.studies.segmentation.segmented import draw_absent

# The paper's choice of each kind first; a run that has it not shows the next that it has.
KINDS = tuple(dict.fromkeys((first, *others)) for first, others in ((DINO, reversed(CONTRASTIVE)), (REGISTERS, reversed(MIM))))
_COLUMNS = ("Query", "Mean of heads", "Head {head}")
_EDGE, _GAP, _HEAD, _MAX_CELL = 0.06, 0.14, 0.36, 1.2  # inches


def draw(data: FigureData) -> Drawn:
    """Draw a row per query; per model the image with the query, the attention averaged over heads, and that of one head."""
    every = {maps.model.id: maps for maps in data.maps["locality"]}
    chosen = [of_methods([maps.model for maps in every.values()], list(kind), ("B",))[:1] for kind in KINDS]
    models = [model for found in chosen for model in found]
    if not models:
        return draw_absent([DINO, REGISTERS])
    (image,), styles = check_same_images([every[model.id] for model in models]), model_styles(data.models)
    count = len(json.loads(every[models[0].id].facts["query_cells"]))
    room = page_width() - 2 * _EDGE - _GAP * (len(models) - 1)
    cell = min(_MAX_CELL, room / (len(models) * len(_COLUMNS)))
    width = 2 * _EDGE + len(models) * len(_COLUMNS) * cell + _GAP * (len(models) - 1)
    figure, frames = Figure(figsize=(width, _HEAD + count * cell + _EDGE)), []
    names = [f"{model.display_name}, layer {every[model.id].facts['layer']}" for model in models]
    size = fitting_size([name.replace(" ", "_") for name in names], len(_COLUMNS) * cell, 7.5)
    for place, (model, name) in enumerate(zip(models, names, strict=True)):
        maps, left = every[model.id], _EDGE + place * (len(_COLUMNS) * cell + _GAP)
        head = int(maps.facts["local_head"])
        figure_text(figure, left, 0.15, name, weight="bold", fontsize=size, color=styles[model.id].text)
        for column, text in enumerate(_COLUMNS):
            where = left + (column + 0.5) * cell
            figure_text(figure, where, _HEAD - 0.05, text.format(head=head), ha="center", fontsize=6.5, color=INK)
        for row, own in enumerate(_of_queries(maps, head)):
            pictures = [maps.array("single_image")[0], *(colour(own[kind]) for kind in ("mean", "one"))]
            for column, picture in enumerate(pictures):
                axes = inch_axes(figure, left + column * cell, _HEAD + row * cell, cell - 0.03, cell - 0.03)
                show_cells(axes, picture, 1, 1)
                axes.set(xticks=[], yticks=[])
                _mark(axes, own["cell"], maps)
            facts = {"model": model.id, "image": image, "layer": int(maps.facts["layer"]), "query": row + 1}
            frames += [_frame(own["mean"], head="mean", **facts), _frame(own["one"], head=str(head), **facts)]
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _of_queries(maps: ModelMaps, head: int) -> list[dict]:
    """Return of every query its cell, and its attention [rows, columns] averaged over heads and of `head` (from 1)."""
    grid = (maps.rows, maps.columns)
    together, heads = maps.array("single_matrix")[0], maps.array("query_heads")[0]
    return [
        {"cell": cell, "mean": together[cell].reshape(grid), "one": heads[query, head - 1].reshape(grid)}
        for query, cell in enumerate(json.loads(maps.facts["query_cells"]))
    ]


def _mark(axes: Axes, cell: int, maps: ModelMaps) -> None:
    """Frame the query's patch on an axes that shows the whole image."""
    row, column = divmod(cell, maps.columns)
    corner, sides = (column / maps.columns, row / maps.rows), (1 / maps.columns, 1 / maps.rows)
    axes.add_patch(Rectangle(corner, *sides, fill=False, edgecolor=MARK, linewidth=1))


def _frame(attention: np.ndarray, **facts: object) -> pd.DataFrame:
    rows, columns = np.indices(attention.shape) + 1
    return pd.DataFrame({**facts, "row": rows.ravel(), "column": columns.ravel(), "value": attention.ravel()})
