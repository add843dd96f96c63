"""Classes of patches as 1-NN and linear probes of every model predict them, in two test images."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.layout import figure_text, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, model_styles, page_width
from workflow_scripts.studies.local.street_classes import VOID, class_colours, paint

IMAGES = (0, 1)
RULES = {"nn": "1-NN", "linear": "linear"}
_NAMES, _EDGE, _HEAD, _LINE, _BELOW = 0.85, 0.05, 0.17, 0.14, 0.05  # inches
_LOWEST, _GAP = 0.3, 0.03  # inches of a row of pictures, below which the page grows, and between rows


def draw(data: FigureData) -> Drawn:
    """Draw images and masks, then a row per model; colours are those of the classes."""
    every = data.maps["patches"]
    first, styles = every[0], model_styles([maps.model for maps in every])
    classes = json.loads(first.facts["classes"])
    colours = class_colours(classes)
    there = [place for place in IMAGES if f"image_{place}" in first.names]
    images, masks = ([first.array(f"{kind}_{place}") for place in there] for kind in ("image", "mask"))
    truth = [picture for image, mask in zip(images, masks, strict=True) for picture in (image, paint(mask, colours))]
    lines = [("", INK, truth)]
    rows = []
    for maps in every:
        pictures = []
        for place, mask in zip(there, masks, strict=True):
            for rule, name in RULES.items():
                predicted = maps.array(f"{rule}_{place}")
                pictures.append(paint(predicted, colours))
                rows += _shares(maps, place, name, predicted, mask, classes)
        lines.append((maps.model.display_name, styles[maps.model.id].text, pictures))
    seen = {int(value) for mask in masks for value in np.unique(mask)} - {VOID}
    shown = sorted(seen | {classes.index(row["class"]) for row in rows})
    figure = _lay_out(lines, images[0].shape[0] / images[0].shape[1], [(classes[c], colours[c] / 255) for c in shown])
    return Drawn(figure, pd.DataFrame(rows))


def _shares(maps: ModelMaps, place: int, rule: str, predicted: np.ndarray, mask: np.ndarray, classes: list[str]) -> list[dict]:
    """Return how much of an image is predicted as each class, and the share of labelled pixels where that is right."""
    rows, columns = (np.arange(n) * cells // n for n, cells in zip(mask.shape, predicted.shape, strict=True))
    labelled = mask != VOID
    right = float((predicted[rows][:, columns] == mask)[labelled].mean()) if labelled.any() else np.nan
    counts = np.bincount(predicted.ravel(), minlength=len(classes))
    return [
        {
            "model": maps.model.id, "image": place, "rule": rule, "class": classes[c], "share": counts[c] / predicted.size,
            "accuracy": right,
        }
        for c in np.flatnonzero(counts)
    ]  # fmt: skip


def _lay_out(lines: list, aspect: float, legend: list) -> Figure:
    """Lay rows of four pictures out, with a name at the left of each and the classes' colours below."""
    columns = len(lines[0][2])
    across = max(1, int((page_width() - _NAMES) / (0.3 + 0.055 * max((len(name) for name, _ in legend), default=1))))
    below = _BELOW + -(-len(legend) // across) * _LINE + _EDGE
    cell = (page_width() - _NAMES - _EDGE) / columns
    tall = min(cell * aspect, max(_LOWEST, (PAGE_HEIGHT - 2 * _HEAD - below) / len(lines) - _GAP))
    cell = tall / aspect
    figure = Figure(figsize=(page_width(), 2 * _HEAD + len(lines) * (tall + _GAP) + below))
    heads = (("image", "mask") * (columns // 2), tuple(RULES.values()) * (columns // 2))
    names = [wrap(name, _NAMES - 0.1, 6.5) if name else "" for name, *_ in lines]
    size = fitting_size([name for name in names if name] or ["x"], _NAMES - 0.1, 6.5)
    top = 0.0
    for turn, ((_, colour, pictures), name) in enumerate(zip(lines, names, strict=True)):
        if turn < 2:
            top += _HEAD
            for place, head in enumerate(heads[turn]):
                figure_text(figure, _NAMES + (place + 0.5) * cell, top - 0.04, head, ha="center", fontsize=6.5)
        axes = inch_axes(figure, _NAMES, top, columns * cell, tall)
        show_cells(axes, np.concatenate([_enlarged(picture, pictures) for picture in pictures], 1), 1, columns, 1.2)
        axes.set(xticks=[], yticks=[])
        style = {"ha": "right", "va": "center", "fontsize": size, "weight": "bold", "color": colour, "linespacing": 1.0}
        figure_text(figure, _NAMES - 0.06, top + tall / 2, name, **style)
        top += tall + _GAP
    handles = [Patch(color=tuple(colour), label=name) for name, colour in legend]
    place = (_NAMES / page_width(), 1 - (top + _BELOW) / figure.get_figheight())
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=place, ncols=across, fontsize=6, handlelength=1, handleheight=0.9,
        borderaxespad=0, borderpad=0, columnspacing=0.9,
    )  # fmt: skip
    return figure


def _enlarged(picture: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Return a picture at the size of the largest of its row, by repeating pixels."""
    height, width = (max(one.shape[axis] for one in others) for axis in (0, 1))
    rows, columns = (np.arange(n) * side // n for n, side in zip((height, width), picture.shape[:2], strict=True))
    return picture[rows][:, columns]
