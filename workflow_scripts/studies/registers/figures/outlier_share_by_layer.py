"""Share of high-norm patch tokens by depth, a line per model, by the cutoff of the last layer and by each layer's own."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.curves import curve_frame, draw_line
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import grid_lines, legend_columns, legend_handle, model_styles, page_width
from workflow_scripts.studies.registers.conditions import OF_LAST, OF_LAYER, SHARE
from workflow_scripts.studies.registers.norm_measures import TOKEN

_PANELS = {OF_LAST: "By the cutoff of the last layer", OF_LAYER: "By each layer's own cutoff"}
_LOWEST_TOP = 1.0  # percent, where no model has any
_CROWD = 8  # models from which lines are drawn thinner


def draw(data: FigureData) -> Drawn:
    """Draw two panels, over the share of the model's layers that are done."""
    data = data.without_random()
    styles, frames = model_styles(data.models), []
    across = min(5, legend_columns([model.display_name for model in data.models], page_width()))
    height = 2.5 + 0.14 * -(-len(data.models) // across)
    figure = Figure(figsize=(page_width(), height), layout="constrained")
    panels = figure.subplots(1, len(_PANELS), sharey=True)
    for axes, (setting, title) in zip(panels, _PANELS.items(), strict=True):
        for table in data.tables:
            rows = table.select(SHARE, facet=TOKEN, setting=setting)
            depth = rows["layer"] / rows["layer"].max()
            draw_line(axes, styles[table.model.id], depth, 100 * rows["value"], len(data.models) > _CROWD)
            frames.append(curve_frame(table.model, rows))
        axes.set_title(title, loc="left", weight="bold")
        axes.set(xlabel="Depth (layer / number of layers)", xlim=(0, 1.02))
        grid_lines(axes)
    panels[0].set_ylabel("High-norm patch tokens (%)")
    panels[0].set_ylim(0, max(_LOWEST_TOP, panels[0].get_ylim()[1]))
    handles = [legend_handle(model, styles[model.id]) for model in data.models]
    figure.legend(handles=handles, loc="outside lower center", ncols=across)
    frame = pd.concat(frames, ignore_index=True)
    if not frame["value"].any():
        figure = draw_absent("no model of this run has high-norm tokens in any layer").figure
    return Drawn(figure, frame)
