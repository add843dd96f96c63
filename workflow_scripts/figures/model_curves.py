"""The curves of all models in one panel: each told apart, or of many models the mean of each kind of supervision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import curve_frame, draw_curve, draw_level, draw_thin
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.families import by_family, draw_mean, family_handles, is_many, mean_course, mean_frame
from workflow_scripts.figures.style import legend_handle, model_styles


def draw_models(axes: Axes, models: Sequence[RunModel], rows: Mapping[str, pd.DataFrame], depths: Depths) -> list[pd.DataFrame]:
    """Draw a curve per model; of many models thin ones, and in bold the mean of each kind of supervision.

    Args:
        axes: where.
        models: in order.
        rows: of each model, by id.
        depths: the horizontal axis.

    Returns:
        What is drawn, for the figure's CSV.
    """
    styles, frames, courses = model_styles(models), [], {}
    for model in models:
        own = rows[model.id]
        frames.append(curve_frame(model, own))
        if model.random:
            draw_level(axes, styles[model.id], own)
            continue
        places = depths.places(model, own)
        courses[model.id] = places, own["value"].to_numpy(float)
        if is_many(models):
            draw_thin(axes, styles[model.id], *courses[model.id])
        else:
            draw_curve(axes, styles[model.id], own, places, len(models))
    for family, own in by_family(models).items() if is_many(models) else ():
        mean = mean_course([courses[model.id] for model in own])
        draw_mean(axes, family, mean)
        frames.append(mean_frame(family, depths.column, mean, len(own), frames[0]))
    return frames


def model_handles(models: Sequence[RunModel]) -> list[Line2D]:
    """Return the entries of the legend of `draw_models`."""
    if is_many(models):
        return family_handles(models)
    styles = model_styles(models)
    return [legend_handle(model, styles[model.id]) for model in models]
