"""The attention of all patches to all patches, averaged over heads, and what no and full locality would look like."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes
from workflow_scripts.figures.style import INK, QUIET, model_styles, page_width
from workflow_scripts.metrics.attention_matrices import binarised, matrix_information
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.methods import CONTRASTIVE, MIM
from workflow_scripts.studies.segmentation.segmented import draw_absent

METHODS = (*reversed(CONTRASTIVE), *MIM)
SKETCHED = 12  # patches of the sketch
ALL, ONE, SKETCH = "all images", "one image", "sketch"
_COLUMNS = 4  # models side by side
_NAMES, _CELL, _GAP, _HEAD, _EDGE, _RIGHT = 0.72, 1.5, 0.08, 0.2, 0.06, 0.15  # inches; the last for the name of an axis


def draw(data: FigureData) -> Drawn:
    """Draw, of every model, the largest entries of the mean matrix and of that of one image; below, the sketch."""
    every = {maps.model.id: maps for maps in data.maps["locality"]}
    models = of_methods([maps.model for maps in every.values()], METHODS, ("B",))
    if not models:
        return draw_absent(METHODS)
    styles, step = model_styles(data.models), _CELL + _GAP
    blocks = [models[start : start + _COLUMNS] for start in range(0, len(models), _COLUMNS)]
    block, sketch = _HEAD + 2 * step, _HEAD + _CELL + 0.08
    width = _NAMES + max(len(blocks[0]), len(sketches())) * step + _RIGHT
    figure = Figure(figsize=(min(page_width(), width), len(blocks) * block + sketch + _EDGE))
    size = fitting_size([f"{model.display_name}_[{model.layers}]".replace(" ", "_") for model in models], _CELL, 7.5)
    frames = []
    for number, own in enumerate(blocks):
        top = number * block + _HEAD
        for row, name in enumerate((ALL, ONE)):
            style = {"ha": "right", "va": "center", "fontsize": 7, "color": INK}
            figure_text(figure, _NAMES - 0.06, top + row * step + _CELL / 2, name.capitalize(), **style)
        for column, model in enumerate(own):
            maps, left = every[model.id], _NAMES + column * step
            title, style = f"{model.display_name} [{maps.facts['layer']}]", {"weight": "bold", "fontsize": size}
            figure_text(figure, left, top - 0.04, title, color=styles[model.id].text, va="bottom", **style)
            for row, matrix in enumerate((maps.array("mean_matrix"), maps.array("single_matrix")[0])):
                drawn = binarised(matrix)
                _show(inch_axes(figure, left, top + row * step, _CELL, _CELL), drawn)
                queries, keys = np.nonzero(drawn)
                facts = {"model": model.id, "layer": int(maps.facts["layer"]), "shown": (ALL, ONE)[row]}
                frames.append(pd.DataFrame({**facts, "query": queries + 1, "key": keys + 1}))
    frames += _draw_sketch(figure, len(blocks) * block + _HEAD)
    drawn = pd.concat(frames, ignore_index=True)
    return Drawn(figure, drawn.astype(dict.fromkeys(("layer", "query", "key"), "Int64")))


def sketches() -> dict[str, np.ndarray]:
    """Return matrices of no and of full locality: all queries attend to the same keys; each query to its own."""
    stripes = np.zeros((SKETCHED, SKETCHED))
    stripes[:, [2, 7, 8]] = 1 / 3
    return {"Stripes": stripes, "Diagonal": np.eye(SKETCHED)}


def _draw_sketch(figure: Figure, top: float) -> list[pd.DataFrame]:
    """Draw the sketch with its information, and return what is drawn."""
    frames = []
    figure_text(figure, _NAMES - 0.06, top + _CELL / 2, "Sketch", ha="right", va="center", fontsize=7, color=INK)
    for column, (name, matrix) in enumerate(sketches().items()):
        information, left = matrix_information(matrix), _NAMES + column * (_CELL + _GAP)
        title = f"{name}: I(K, Q) = {information:.2f}"
        figure_text(figure, left, top - 0.04, title, va="bottom", weight="bold", fontsize=7, color=INK)
        axes = inch_axes(figure, left, top, _CELL, _CELL)
        _show(axes, matrix > 0)
        queries, keys = np.nonzero(matrix)
        frames.append(pd.DataFrame({"shown": f"{SKETCH}, {name.lower()}", "query": queries + 1, "key": keys + 1}))
        frames[-1]["information"] = information
    axes.yaxis.set_label_position("right")
    axes.set_ylabel("Query", fontsize=6.5, color=QUIET, rotation=270, va="bottom")
    axes.set_xlabel("Key", fontsize=6.5, color=QUIET, labelpad=1)
    return frames


def _show(axes: Axes, drawn: np.ndarray) -> None:
    axes.imshow(drawn, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="none")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=QUIET, linewidth=0.5)
