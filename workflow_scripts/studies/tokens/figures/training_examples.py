"""How many patches a concept has to learn from against how well its hyperplane finds it, a point for each concept."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import show_nothing
from workflow_scripts.figures.style import INK, PAGE_WIDTH, QUIET, grid_lines, model_styles
from workflow_scripts.studies.tokens.colours import category_colours
from workflow_scripts.studies.tokens.decisions import EXAMPLES, HYPERPLANE, LEFT_OUT, TOKENS
from workflow_scripts.studies.tokens.measured import Measured
from workflow_scripts.studies.tokens.token_bars import in_rows, measured_of

METRIC = "f1"


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model, of the token with its best F1; concepts of which only a sample was learnt from are hollow."""
    data = data.without_random()
    styles, rows = model_styles(data.models), in_rows(data.models)
    every = [measured_of(data, model, "segmentation") for model in data.models]
    categories = list(dict.fromkeys(name for own in every for name in own.categories))
    colours, columns = category_colours(categories), max(map(len, rows))
    figure = Figure(figsize=(PAGE_WIDTH * min(1, 0.3 + 0.35 * columns), 0.6 + 1.75 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, sharex=True, sharey=True).ravel()
    frames = []
    for place, axes in enumerate(grid):
        if place >= len(data.models):
            axes.set_visible(False)
            continue
        model, own = data.models[place], every[place]
        token = own.best_token(HYPERPLANE, METRIC)
        sign = f", {TOKENS[token]}" if token else ""
        title = {"loc": "left", "weight": "bold", "color": styles[model.id].text, "fontsize": 7.5}
        axes.set_title(f"{model.display_name}{sign}", **title)
        points = concept_points(own, token)
        frames.append(points.assign(model=model.id, facet=token))
        if points.empty:
            show_nothing(axes, "none: not measured")
            continue
        for (category, sampled), some in points.groupby(["category", "sampled"], sort=False):
            face = "none" if sampled else colours[category]
            style = {"s": 9, "facecolors": face, "edgecolors": colours[category], "linewidths": 0.7, "alpha": 0.8}
            axes.scatter(some["examples"], some["f1"], **style)
        if (left_out := len(own.counted(LEFT_OUT))) > 0:
            text = f"{left_out} concept{'s' * (left_out > 1)} left out"
            axes.annotate(
                text, (1, 0), (-2, 3), "axes fraction", textcoords="offset points", ha="right", fontsize=6, color=QUIET
            )
        axes.set_xscale("log")
        grid_lines(axes)
        axes.tick_params(labelbottom=place + columns >= len(data.models))
        axes.set_ylabel("F1" if place % columns == 0 else "")
        axes.set_xlabel("Training patches with the concept" if place + columns >= len(data.models) else "")
    grid[0].set_ylim(-0.02, 1.02)
    handles = [Line2D([], [], marker="o", linestyle="", color=colours[name], label=name) for name in categories]
    handles += [Line2D([], [], marker="o", linestyle="", color=INK, markerfacecolor="none", label="learnt from a sample")]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def concept_points(measured: Measured, token: str) -> pd.DataFrame:
    """Return category, concept, examples, learnt_from, sampled and f1 of the concepts that have all of it."""
    scores = measured.concepts(METRIC, token, HYPERPLANE).rename(columns={"value": "f1"})
    counts = measured.counted(EXAMPLES).rename(columns={"value": "examples", "n": "learnt_from"})
    points = counts.merge(scores, on=["category", "concept"]).dropna(subset=["f1"])
    return points.assign(sampled=points["learnt_from"] < points["examples"])
