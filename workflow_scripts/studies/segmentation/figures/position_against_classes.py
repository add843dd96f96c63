"""How far clusters are positions against how well they are classes, every model, layer and embedding a point."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator
from scipy.stats import spearmanr

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import FAMILY_COLOURS, FAMILY_NAMES, INK
from workflow_scripts.studies.segmentation.best import curve_values

MARKERS = {"key": "o", "query": "s", "value": "^", "token": "D"}


def draw(data: FigureData) -> Drawn:
    """Draw mIoU, on a logarithmic axis, against NMI, with Spearman's rank correlation."""
    data = data.without_random()
    rows = [
        {"model": model.id, "supervision": model.supervision, "facet": facet, "layer": layer, "nmi": nmi, "miou": miou}
        for model in data.models
        for facet in MARKERS
        for layer, (nmi, miou) in enumerate(
            zip(*(curve_values(data, model, f"{metric}_{facet}") for metric in ("nmi", "miou")), strict=True), start=1
        )
    ]
    drawn = pd.DataFrame(rows)
    rho = float(spearmanr(drawn["nmi"], drawn["miou"]).statistic)
    figure = Figure(figsize=(4.6, 3.2), layout="constrained")
    axes = figure.subplots()
    for (supervision, facet), points in drawn.groupby(["supervision", "facet"], sort=False):
        colour = FAMILY_COLOURS.get(supervision, FAMILY_COLOURS["none"])
        axes.plot(points["nmi"], points["miou"], MARKERS[facet], color=colour, markersize=3, alpha=0.75, markeredgewidth=0)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.minorticks_off()
    axes.set(xlabel="NMI with position", ylabel="mIoU")
    axes.set_title(
        f"Spearman's \N{GREEK SMALL LETTER RHO} = {rho:.2f}".replace("-", "\N{MINUS SIGN}"), loc="left", weight="bold"
    )
    there = [name for name in FAMILY_COLOURS if name in set(drawn["supervision"])]
    handles = [Line2D([], [], marker="o", linestyle="", color=FAMILY_COLOURS[name], label=FAMILY_NAMES[name]) for name in there]
    handles += [Line2D([], [], marker=m, linestyle="", color=INK, label=facet.capitalize()) for facet, m in MARKERS.items()]
    figure.legend(handles=handles, loc="outside right upper", handlelength=1)
    return Drawn(figure, drawn.assign(rho=rho))
