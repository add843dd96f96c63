"""A point for each layer and embedding of each model: two scores against each other, with their rank correlation."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import spearmanr

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.log_scale import log_scale
from workflow_scripts.figures.style import FAMILY_COLOURS, FAMILY_NAMES, INK
from workflow_scripts.studies.segmentation.best import curve_values

_MARKERS = {"key": "o", "query": "s", "value": "^", "token": "D"}


def draw_scatter(data: FigureData, across: Mapping[str, str], up: Mapping[str, str], labels: tuple[str, str]) -> Drawn:
    """Draw scores against each other; colour is a model's supervision, marker the embedding.

    Args:
        data: tables of the models.
        across: facet -> score of the horizontal axis, by layer.
        up: facet -> score of the vertical axis, which is logarithmic.
        labels: of the two axes.
    """
    data = data.without_random()
    rows = [
        {"model": model.id, "supervision": model.supervision, "facet": facet, "layer": layer, "across": x, "up": y}
        for model in data.models
        for facet in across
        for layer, (x, y) in enumerate(
            zip(curve_values(data, model, across[facet]), curve_values(data, model, up[facet]), strict=True), start=1
        )
    ]
    drawn = pd.DataFrame(rows)
    rho = float(spearmanr(drawn["across"], drawn["up"]).statistic)
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    for (supervision, facet), points in drawn.groupby(["supervision", "facet"], sort=False):
        colour = FAMILY_COLOURS.get(supervision, FAMILY_COLOURS["none"])
        axes.plot(points["across"], points["up"], _MARKERS[facet], color=colour, markersize=3, alpha=0.75, markeredgewidth=0)
    log_scale(axes.yaxis, drawn["up"].min(), drawn["up"].max())
    axes.set(xlabel=labels[0], ylabel=labels[1])
    correlation = f"{rho:.2f}".replace("-", "\N{MINUS SIGN}")
    axes.set_title(f"Spearman's \N{GREEK SMALL LETTER RHO} = {correlation}", loc="left", weight="bold")
    there = [name for name in FAMILY_COLOURS if name in set(drawn["supervision"])]
    handles = [Line2D([], [], marker="o", linestyle="", color=FAMILY_COLOURS[name], label=FAMILY_NAMES[name]) for name in there]
    handles += [Line2D([], [], marker=_MARKERS[f], linestyle="", color=INK, label=f.capitalize()) for f in across]
    figure.legend(handles=handles, loc="outside right upper", handlelength=1)
    return Drawn(figure, drawn.assign(rho=rho))
