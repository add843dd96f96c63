"""How many patches a concept has to learn from against how well its hyperplane finds it, a point for each concept."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from workflow_scripts.figures.absent import say_unmeasured
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, QUIET, grid_lines, model_styles, page_width
from workflow_scripts.studies.tokens.bars import SINGLE
from workflow_scripts.studies.tokens.colours import category_colours
from workflow_scripts.studies.tokens.decisions import EXAMPLES, HYPERPLANE, LEFT_OUT, TOKENS
from workflow_scripts.studies.tokens.measured import Measured
from workflow_scripts.studies.tokens.token_bars import in_rows, measured_of

METRIC = "f1"
_DECADES = 100  # largest over smallest count below which decades alone would be too few numbers


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model, of the token with its best F1; concepts of which only a sample was learnt from are hollow."""
    data = data.without_random()
    styles, rows = model_styles(data.models), in_rows(data.models)
    every = [measured_of(data, model, "segmentation") for model in data.models]
    categories = list(dict.fromkeys(name for own in every for name in own.categories))
    colours, columns = category_colours(categories), max(map(len, rows))
    figure = Figure(figsize=(page_width() if columns > 1 else SINGLE, 0.6 + 1.75 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True).ravel()
    frames = []
    for place, (axes, model, own) in enumerate(zip(grid, data.models, every, strict=False)):
        token = own.best_token(HYPERPLANE, METRIC)
        title = f"{model.display_name}, {TOKENS[token]}" if token else model.display_name
        axes.set_title(title, loc="left", weight="bold", color=styles[model.id].text, fontsize=7.5)
        points = concept_points(own, token)
        _draw_points(axes, points, colours, len(own.counted(LEFT_OUT)))
        frames.append(points.assign(model=model.id, facet=token))
        lowest = place + columns >= len(data.models)
        axes.tick_params(labelbottom=lowest)
        axes.set_ylabel("F1" if place % columns == 0 else "")
        axes.set_xlabel("Training patches with the concept" if lowest else "")
    for axes in grid[len(data.models) :]:
        axes.set_visible(False)
    grid[0].set_ylim(-0.02, 1.02)
    drawn = pd.concat(frames, ignore_index=True)
    if len(drawn):
        _count_axis(grid[0], drawn["examples"])
    handles = [Line2D([], [], marker="o", linestyle="", color=colours[name], label=name) for name in categories]
    handles += [Line2D([], [], marker="o", linestyle="", color=INK, markerfacecolor="none", label="learnt from a sample")]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1)
    return Drawn(figure, drawn)


def concept_points(measured: Measured, token: str) -> pd.DataFrame:
    """Return category, concept, examples, learnt_from, f1 and sampled of the concepts that have all of it."""
    scores = measured.concepts(METRIC, token, HYPERPLANE).rename(columns={"value": "f1"})
    counts = measured.counted(EXAMPLES).rename(columns={"value": "examples", "n": "learnt_from"})
    points = counts.merge(scores, on=["category", "concept"]).dropna(subset=["f1"])
    return points.assign(sampled=points["learnt_from"] < points["examples"])


def _draw_points(axes: Axes, points: pd.DataFrame, colours: Mapping[str, str], left_out: int) -> None:
    if points.empty:
        say_unmeasured(axes)
        return
    for (category, sampled), some in points.groupby(["category", "sampled"], sort=False):
        face = "none" if sampled else colours[category]
        style = {"s": 9, "facecolors": face, "edgecolors": colours[category], "linewidths": 0.7, "alpha": 0.8}
        axes.scatter(some["examples"], some["f1"], **style)
    if left_out:
        text = f"{left_out} concept{'s' * (left_out > 1)} left out"
        axes.annotate(text, (1, 1), (0, 4), "axes fraction", textcoords="offset points", ha="right", fontsize=6, color=QUIET)
    grid_lines(axes)


def _count_axis(axes: Axes, counts: pd.Series) -> None:
    """Make the axis of counts, which all panels share, logarithmic, with numbers at decades, or closer where these are few."""
    axes.set_xscale("log")
    few = counts.max() / counts.min() < _DECADES
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _short(count: float) -> str:
    """Return a number in few characters: 300, 20k, 1M."""
    for size, sign in ((1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:g}{sign}"
    return f"{count:g}"
