"""Mean IoU by layer with codebooks of other starts and other batch sizes."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import curve_frame
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, layer_ticks, page_width
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.sensitivity import BATCH, START

_COLOURS = dict(zip(FACETS, ("#d55e00", "#b05aa0", "#3d9bd9", "#222222"), strict=True))
_DASHES = ("-", (0, (4, 1.4)), (0, (1, 1.2)))
_PANELS = {START: "Batches of the start", BATCH: "Images of a batch"}
_USUAL = "as elsewhere"


def draw(data: FigureData) -> Drawn:
    """Draw a row per model: codebooks of other starts at the left, of other batch sizes at the right."""
    data = data.without_random()
    figure = Figure(figsize=(page_width(), 0.5 + 2.3 * len(data.models)), layout="constrained")
    panels = figure.subplots(len(data.models), 2, sharey="row", squeeze=False)
    frames = []
    for row, model in zip(panels, data.models, strict=True):
        for axes, (beginning, title) in zip(row, _PANELS.items(), strict=True):
            frames += _draw_panel(axes, model, data.table(model).frame, beginning)
            axes.set_title(f"{title}, {model.display_name}" if len(data.models) > 1 else title, loc="left", weight="bold")
        row[0].set_ylabel("mIoU")
    for axes in panels[-1]:
        axes.set_xlabel("Layer")
    handles = [Line2D([], [], color=colour, label=facet.capitalize()) for facet, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _draw_panel(axes: Axes, model: RunModel, frame: pd.DataFrame, beginning: str) -> list[pd.DataFrame]:
    """Draw the variants whose setting begins so beside the usual codebooks; return the rows drawn."""
    rows = frame[(frame["metric"] == "miou") & frame["facet"].isin(FACETS)]
    usual = rows[rows["analysis"] == "clustering"].assign(setting=_USUAL)
    varied = rows[(rows["analysis"] == "sensitivity") & rows["setting"].str.startswith(beginning)]
    drawn = []
    settings = [_USUAL, *dict.fromkeys(varied["setting"])]
    for setting, dash in zip(settings, _DASHES, strict=False):  # batches may be set to one size twice
        for facet, colour in _COLOURS.items():
            own = pd.concat([usual, varied])
            own = own[(own["setting"] == setting) & (own["facet"] == facet)].sort_values("layer")
            axes.plot(own["layer"].astype(int), own["value"], color=colour, linestyle=dash, linewidth=1.1)
            drawn.append(curve_frame(model, own))
    labels = [setting.removeprefix(beginning) for setting in settings]
    handles = [Line2D([], [], color=INK, linestyle=dash, label=label) for label, dash in zip(labels, _DASHES, strict=False)]
    # Below the panel: curves of every shape would run through it inside.
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=len(handles))
    axes.set_xticks(layer_ticks(model.layers))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    return drawn
