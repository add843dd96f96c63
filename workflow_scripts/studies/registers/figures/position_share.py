"""Where on the patch grid tokens are high-norm."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.figures.heads import show_nothing
from workflow_scripts.figures.style import COLOUR_MAP
from workflow_scripts.studies.registers.conditions import BORDER, BORDER_SHARE, INSIDE
from workflow_scripts.studies.registers.measured import Measured, measured_of
from workflow_scripts.studies.registers.model_grid import model_grid

_COLUMNS = ["model", "dataset", "metric", "setting", "row", "column", "value"]
_HEIGHT = 1.75  # inches of a map


def draw(data: FigureData) -> Drawn:
    """Draw a map per model: of every position the share of images whose token there is high-norm."""
    data = data.without_random()
    every = [measured_of(data, model, "outliers") for model in data.models]
    figure, panels = model_grid(data.models, _HEIGHT, [_shares(measured) for measured in every])
    found = {maps.model.id: maps for maps in data.maps["outliers"]}
    frames = [
        _draw_panel(figure, axes, model, measured, found.get(model.id))
        for axes, model, measured in zip(panels, data.models, every, strict=True)
    ]
    frame = pd.concat(frames, ignore_index=True)
    if found and not frame["value"].any():
        figure = draw_absent("no model of this run has high-norm tokens").figure
    return Drawn(figure, frame)


def _shares(measured: Measured) -> str:
    """Return what stands below a model's name."""
    border, inside = (measured.row(BORDER_SHARE, place) for place in (BORDER, INSIDE))
    if border is None or inside is None:
        return ""
    return f"high-norm: border {border['value']:.1%}, inside {inside['value']:.1%}".replace("%", "\N{NO-BREAK SPACE}%")


def _draw_panel(figure: Figure, axes: Axes, model: RunModel, measured: Measured, maps: ModelMaps | None) -> pd.DataFrame:
    """Draw the map of one model; return its cells, by row and column from 1, and the shares below its name."""
    shares = [row for place in (BORDER, INSIDE) if (row := measured.row(BORDER_SHARE, place)) is not None]
    said = {"model": model.id, "dataset": "".join(measured.datasets[:1])}
    rows = [{**said, "metric": BORDER_SHARE, "setting": row["setting"], "value": row["value"]} for row in shares]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    if maps is None:
        show_nothing(axes, "none: not measured")
        return frame
    share = maps.array("share_by_position")
    if not share.any():
        show_nothing(axes, "no high-norm tokens")
        axes.set_box_aspect(share.shape[0] / share.shape[1])
    else:
        image = axes.imshow(share, cmap=COLOUR_MAP, vmin=0, vmax=share.max(), interpolation="none")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, ticks=(0, share.max()), format="{x:.1%}")
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=5.5, length=1.5)
    row, column = (place.ravel() + 1 for place in np.indices(share.shape))
    cells = pd.DataFrame({**said, "metric": "share_by_position", "row": row, "column": column, "value": share.ravel()})
    return pd.concat([frame, cells]) if len(frame) else cells
