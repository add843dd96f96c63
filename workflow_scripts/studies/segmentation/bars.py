"""How far the clusters of an embedding are positions and how far they are classes, at the layer that segments best."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import fitting_size
from workflow_scripts.figures.style import INK, QUIET, model_styles, page_width
from workflow_scripts.studies.segmentation.best import best_layer, curve_values
from workflow_scripts.studies.segmentation.clustering import SHUFFLED, TRUTH

PANELS = {"nmi": "NMI with position", "miou": "mIoU"}


def draw_position_bars(data: FigureData, models: Sequence[RunModel], facet: str, of: str = "") -> Drawn:
    """Draw bars of NMI, the ground truth first, and of mIoU; dotted, the NMI that as many images have by chance.

    Args:
        data: the tables that the scores are in.
        models: in this order.
        facet: key, query, value or token.
        of: what the names of the scores of a further dataset begin with.
    """
    styles = model_styles(data.models)
    truth = data.tables[0].frame
    truth = truth[(truth["facet"] == TRUTH) & (truth["metric"] == "nmi")]
    truth = truth[truth["analysis"] == data.scores[f"{of}nmi_{facet}"].analysis].set_index("setting")["value"]
    rows = [{"name": "Ground truth", "metric": "nmi", "value": truth[""], "colour": INK}]
    for model in models:
        layer = best_layer(data, model, facet, of)
        for metric in PANELS:
            value = curve_values(data, model, f"{of}{metric}_{facet}")[layer - 1]
            facts = {"name": model.display_name, "model": model.id, "layer": layer, "colour": styles[model.id].colour}
            rows.append({**facts, "metric": metric, "value": value})
    names = ["Ground truth", *(model.display_name for model in models)]
    figure = Figure(figsize=(page_width(), 0.2 * len(names) + 0.5), layout="constrained")
    for axes, (metric, title) in zip(figure.subplots(1, 2, sharey=True), PANELS.items(), strict=True):
        shown = [row for row in rows if row["metric"] == metric]
        places = [names.index(row["name"]) for row in shown]
        values = [row["value"] for row in shown]
        axes.barh(places, values, 0.7, color=[row["colour"] for row in shown])
        for place, row in zip(places, shown, strict=True):
            layer = f" [{row['layer']}]" if "layer" in row else ""
            axes.text(row["value"], place, f" {row['value']:.3f}{layer}", va="center", fontsize=6, color=INK)
        axes.set_title(title, loc="left", weight="bold")
        axes.set_xlim(0, 1.25 * max(values))
        axes.set_yticks(range(len(names)), names, fontsize=fitting_size(names, 1.2, 7))
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        if metric == "nmi":
            axes.axvline(truth[SHUFFLED], color=QUIET, linestyle=(0, (1, 1.3)), linewidth=0.9)
    control = {"name": "Ground truth", "metric": "nmi", "setting": SHUFFLED, "value": truth[SHUFFLED]}
    drawn = pd.DataFrame([*rows, control]).drop(columns="colour").assign(facet=facet)
    return Drawn(figure, drawn.astype({"layer": "Int64"}))
