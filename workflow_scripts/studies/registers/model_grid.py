"""Small panels, one per model."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.layout import even_rows, fitting_size
from workflow_scripts.figures.style import QUIET, model_styles, page_width

_MOST = 3  # panels side by side
_ALONE = 3.9  # inches: the width of a single panel
_TITLES = 0.55  # inches of a row of panels beside the panels' own height
_NOTE_PAD = 11  # points that a note takes below a name


def model_grid(
    models: Sequence[RunModel], height: float, notes: Sequence[str] = (), below: float = 0.1
) -> tuple[Figure, list[Axes]]:
    """Return a figure with an axes for each model below its name.

    Args:
        models: in order.
        height: of a panel, inches.
        notes: what stands below each name.
        below: inches of axis labels and legends.

    Returns:
        The figure and the axes in the order of the models.
    """
    rows = even_rows(len(models), _MOST)
    columns = len(rows[0])
    width = page_width() if columns > 1 else _ALONE
    figure = Figure(figsize=(width, len(rows) * (height + _TITLES) + below), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False).ravel()
    for axes in grid[len(models) :]:
        axes.set_visible(False)
    styles = model_styles(models)
    size = fitting_size([model.display_name.replace(" ", "_") for model in models], width / columns - 0.3, 7.5)
    for axes, model in zip(grid, models, strict=False):
        pad = _NOTE_PAD if notes else None
        axes.set_title(model.display_name, loc="left", weight="bold", color=styles[model.id].text, fontsize=size, pad=pad)
    for axes, note in zip(grid, notes, strict=False):
        place = {"xy": (0, 1), "xytext": (0, 3), "xycoords": "axes fraction", "textcoords": "offset points"}
        axes.annotate(note, **place, fontsize=6, va="bottom", color=QUIET)
    return figure, list(grid[: len(models)])


def lowest(axes: Sequence[Axes]) -> list[Axes]:
    """Return the axes of a grid below which no other stands."""
    columns = axes[0].get_subplotspec().get_gridspec().ncols
    return list(axes[-columns:])
