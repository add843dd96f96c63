"""Many models in one panel: thin lines, and in bold the mean of each kind of supervision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.style import FAMILIES, FAMILY_COLOURS, FAMILY_NAMES, QUIET, legend_handle, model_styles

MANY = 8  # models, not counting the random baseline, above which single models are no longer told apart
_BOLD = 2.2  # points
_PALE = {"linewidth": 5.0, "alpha": 0.28, "solid_capstyle": "butt"}
Course = tuple[np.ndarray, np.ndarray]  # places on the horizontal axis, values


def is_many(models: Sequence[RunModel]) -> bool:
    """Return whether these are too many models to tell each apart by its dash and marker."""
    return sum(not model.random for model in models) > MANY


def by_family(models: Sequence[RunModel]) -> dict[str, list[RunModel]]:
    """Return the models but the random baseline by kind of supervision, in the order of the kinds."""
    shown = [model for model in models if not model.random]
    known = {model.id: model.supervision if model.supervision in FAMILIES else "none" for model in shown}
    groups = {family: [model for model in shown if known[model.id] == family] for family in FAMILIES}
    return {family: own for family, own in groups.items() if own}


def mean_course(courses: Sequence[Course]) -> Course:
    """Return the mean of several courses: at the places of the one with most of them, in the range that all have."""
    places = max(courses, key=lambda course: len(course[0]))[0]
    low, high = max(x.min() for x, _ in courses), min(x.max() for x, _ in courses)
    grid = places[(places >= low - 1e-9) & (places <= high + 1e-9)]
    return grid, np.mean([np.interp(grid, x, y) for x, y in courses], axis=0)


def draw_mean(axes: Axes, family: str, course: Course, behind: bool = False) -> None:
    """Draw the mean of a family in bold, cased in white; `behind` its members, if each of them is told apart, wide and pale."""
    if behind:
        axes.plot(*course, color=FAMILY_COLOURS[family], **_PALE, zorder=1.4)
        return
    casing = [Stroke(linewidth=_BOLD + 1.2, foreground="white"), Normal()]
    axes.plot(*course, color=FAMILY_COLOURS[family], linewidth=_BOLD, zorder=2.5, path_effects=casing)


def mean_frame(family: str, axis: str, course: Course, members: int, like: pd.DataFrame) -> pd.DataFrame:
    """Return a family's mean as rows of the figure's CSV, places in the column `axis`; they measure what `like` does."""
    same = {name: like[name].iloc[0] for name in ("dataset", "metric", "facet", "setting", "head", "unit") if name in like}
    name = f"mean of {FAMILY_NAMES[family]}"
    own = {
        "model": "",
        "display_name": name,
        "supervision": family,
        axis: course[0],
        "value": course[1],
        "n": members,
        "n_of": "models",
    }
    return pd.DataFrame(own | same)


def family_handles(models: Sequence[RunModel]) -> list[Line2D]:
    """Return the legend of many models: a bold line for each kind of supervision, and the random baseline."""
    handles = [
        mean_handle(family, f"{FAMILY_NAMES[family]}, mean of {len(own)}" if len(own) > 1 else own[0].display_name)
        for family, own in by_family(models).items()
    ]
    styles = model_styles(models)
    handles.append(Line2D([], [], color=QUIET, linewidth=0.6, label="thin: single models"))
    return handles + [legend_handle(model, styles[model.id]) for model in models if model.random]


def mean_handle(family: str, label: str, behind: bool = False) -> Line2D:
    """Return the legend entry of the mean of a family, drawn bold or wide and pale."""
    return Line2D([], [], color=FAMILY_COLOURS[family], label=label, **(_PALE if behind else {"linewidth": _BOLD}))
