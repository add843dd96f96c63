"""The classes whose clusters of tokens follow the position most, model by model."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import fitting_size
from workflow_scripts.figures.style import INK, model_styles, page_width
from workflow_scripts.studies.segmentation.best import best_layer
from workflow_scripts.studies.segmentation.chosen import of_methods
from workflow_scripts.studies.segmentation.clustering import TRUTH
from workflow_scripts.studies.segmentation.colours import class_colours
from workflow_scripts.studies.segmentation.methods import SCALED
from workflow_scripts.studies.segmentation.segmented import draw_absent

FACET, METRIC = "token", "class_information"
SHOWN = 5  # classes of a model
_COLUMNS, _ROW, _HEAD = 4, 0.16, 0.42  # panels side by side; inches of a class, and of a panel's title and axis


def draw(data: FigureData) -> Drawn:
    """Draw the highest classes of every model in the colours of the classes, a line for the ground truth of the same class."""
    models = of_methods(data.models, SCALED, ("B", "L"))
    if not models:
        return draw_absent(SCALED)
    styles, names = model_styles(data.models), data.table(models[0]).settings(METRIC)
    colours = dict(zip(names, class_colours(len(names))[:-1] / 255, strict=True))
    frames = [_highest(data, model) for model in models]
    size = fitting_size([name for frame in frames for name in frame["class"]], 0.85, 6.5)
    n_columns = min(_COLUMNS, len(models))
    n_rows, width = -(-len(models) // n_columns), max(2, n_columns) / _COLUMNS * page_width()
    figure = Figure(figsize=(width, n_rows * (SHOWN * _ROW + _HEAD) + 0.1), layout="constrained")
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True).ravel()
    for axes, model, frame in zip(panels, models, frames, strict=False):
        places = range(len(frame))
        axes.barh(places, frame["value"], 0.7, color=[colours[name] for name in frame["class"]])
        for place, value in enumerate(frame["ground_truth"]):
            axes.plot([value, value], [place - 0.42, place + 0.42], color=INK, linewidth=1.2, solid_capstyle="butt")
        title = f"{model.display_name} [{frame['layer'].iloc[0]}]"
        axes.set_title(title, loc="right", weight="bold", color=styles[model.id].text, fontsize=7)  # over the names, too
        axes.set_yticks(places, frame["class"], fontsize=size)
        axes.set_ylim(SHOWN - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(labelbottom=True)
    for axes in panels[len(models) :]:
        axes.set_visible(False)
    figure.supxlabel("Information of class and position, nats", fontsize=7)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _highest(data: FigureData, model: RunModel) -> pd.DataFrame:
    """Return the classes of the highest information at a model's best layer, with that of the ground truth."""
    layer, frame = best_layer(data, model, FACET), data.table(model).frame
    rows = frame[frame["metric"] == METRIC]
    truth = rows[rows["facet"] == TRUTH].set_index("setting")["value"]
    own = rows[(rows["facet"] == FACET) & (rows["layer"] == layer)].set_index("setting")["value"]
    top = own.sort_values(ascending=False, kind="stable")[:SHOWN]
    facts = {"model": model.id, "facet": FACET, "layer": layer, "class": top.index, "value": top.to_numpy()}
    return pd.DataFrame({**facts, "ground_truth": truth[top.index].to_numpy()})
