"""Matrices of similarities (CKA) as pictures: cells, names, layer numbers, the colour bar."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.layout import fitting_size, inch_axes
from workflow_scripts.figures.style import INK, QUIET, layer_ticks, model_styles, text_on

COLOURS = "magma"
UNDEFINED = "#c4c4c4"
_SMALLEST_PRINTED = 0.2  # inches: in smaller cells a value of two decimals cannot be read
_TICKED, _NUMBERED = 0.7, 0.4  # inches: sides from which a panel has room for several layer numbers, and for two


def prints_values(cell: float) -> bool:
    """Return whether cells of `cell` inches have room for their values."""
    return cell >= _SMALLEST_PRINTED


def named_matrix(
    figure: Figure, values: np.ndarray, models: Sequence[RunModel], left: float, top: float, cell: float, row_names: bool = True
) -> Axes:
    """Show a symmetric matrix of models with its corner `left`, `top` inches from the page's.

    Names stand at the left (unless `row_names` is False) and above; white lines part kinds of supervision; the values
    are printed if they fit.
    """
    styles, count = model_styles(models), len(models)
    axes = inch_axes(figure, left, top, count * cell, count * cell)
    show_matrix(axes, values, origin="upper")
    for edge in range(1, count):
        if models[edge].supervision != models[edge - 1].supervision:
            axes.axhline(edge - 0.5, color="white", linewidth=1.8)
            axes.axvline(edge - 0.5, color="white", linewidth=1.8)
    if prints_values(cell):
        print_values(axes, values, min(7.5, 0.27 * cell * 72))
    size = name_size(cell)
    names = [model.display_name for model in models]
    axes.xaxis.tick_top()
    flat = fitting_size(names, cell, 99) >= size and not any(" " in name for name in names)
    axes.set_xticks(range(count), names, rotation=0 if flat else 90, fontsize=size)
    axes.set_yticks(range(count), names if row_names else [""] * count, fontsize=size)
    axes.tick_params(length=0, pad=2)
    for axis in (axes.xaxis, axes.yaxis):
        for label, model in zip(axis.get_ticklabels(), models, strict=True):
            label.set(color=styles[model.id].text, weight="bold")
    return axes


def name_size(cell: float) -> float:
    """Return the type size (points) of model names beside cells of `cell` inches."""
    return float(np.clip(0.62 * cell * 72, 4.5, 7.5))


def name_width(models: Sequence[RunModel], size: float) -> float:
    """Return the inches that the longest model name takes in bold type of `size` points."""
    return max(len(model.display_name) for model in models) * 0.66 * size / 72 + 0.09


def show_matrix(axes: Axes, values: np.ndarray, origin: str = "lower") -> None:
    """Show similarities [R, C] coloured from 0 to 1, NaN grey; row 0 is at the bottom unless `origin` is "upper"."""
    colours = matplotlib.colormaps[COLOURS].with_extremes(bad=UNDEFINED)
    axes.imshow(values, cmap=colours, vmin=0, vmax=1, origin=origin, interpolation="none", aspect="auto")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=1.5, width=0.5, pad=1.2)


def print_values(axes: Axes, values: np.ndarray, size: float) -> None:
    """Print each value that is not NaN in its cell, in type of `size` points, dark on light and light on dark cells."""
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        colour = text_on(matplotlib.colormaps[COLOURS](float(np.clip(value, 0, 1))))
        text = f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def number_depths(axes: Axes, n_rows: int, n_columns: int, side: float, per_layer: int) -> None:
    """Number layers along both axes of a matrix of `per_layer` rows and columns a layer, `side` inches long."""
    if side < _NUMBERED:
        axes.set(xticks=[], yticks=[])
        return
    at_most = int(side / 0.19) if side >= _TICKED else 2
    middle = (per_layer - 1) / 2
    for count, set_ticks in ((n_columns, axes.set_xticks), (n_rows, axes.set_yticks)):
        layers = layer_ticks(count // per_layer, at_most)
        set_ticks([per_layer * (layer - 1) + middle for layer in layers], [str(layer) for layer in layers])
    axes.tick_params(labelsize=5.5, labelcolor=INK)


def colour_bar(figure: Figure, left: float, top: float, width: float, height: float, named: bool = True) -> None:
    """Draw the colour bar of all matrices, horizontal if it is wider than tall, placed in inches from the top left.

    `named` writes "CKA" beside it.
    """
    axes = inch_axes(figure, left, top, width, height)
    flat = width > height
    ramp = np.linspace(0, 1, 256)
    image = ramp[None] if flat else ramp[:, None]
    axes.imshow(image, cmap=COLOURS, extent=(0, 1, 0, 1), origin="lower", aspect="auto", interpolation="none")
    axes.spines[:].set_visible(False)
    axes.set(xticks=(0, 0.5, 1) if flat else (), yticks=() if flat else (0, 0.5, 1))
    axes.tick_params(labelsize=6, length=1.5, pad=1.5)
    if not flat:
        axes.yaxis.tick_right()
    if named and flat:
        axes.set_xlabel("CKA", fontsize=6.5, color=QUIET, labelpad=1)
    elif named:
        axes.set_title("CKA", fontsize=6.5, color=QUIET, pad=3)
