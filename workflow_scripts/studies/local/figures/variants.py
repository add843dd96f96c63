"""What the choices cost that the paper leaves open: level of the score, distance, normalisation, learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import GRID, QUIET, model_styles, page_width
from workflow_scripts.studies.local.conditions import COSINE, FASTER, LINEAR, NN, NORMALISED, NORMED, PLAIN, SLOWER
from workflow_scripts.studies.local.look import COLUMNS, drawn_rows
from workflow_scripts.studies.local.measured import Measured, measured_of


@dataclass(frozen=True)
class Variant:
    """One way to score: its name, what is read, and how its points look."""

    name: str
    metric: str
    rule: str
    colour: str
    marker: str
    removed: bool = False

    def row(self, measured: Measured) -> Mapping[str, Any] | None:
        """Return the row of it."""
        if self.removed and not measured.removed:
            return None
        return measured.row(self.metric, self.rule, without=measured.removed if self.removed else 0)

    @property
    def drawn(self) -> dict[str, Any]:
        """Return the look of its points: hollow without features."""
        face = {"markerfacecolor": "white"} if self.removed else {}
        return {"color": self.colour, "marker": self.marker, "linestyle": "", "markersize": 3.6, "markeredgewidth": 0.8} | face


_LINE, _FEWEST = 0.31, 3  # inches of a model; models that there is always room for
_APART = 0.13  # of that, between points of two variants
_FIRST, _SECOND, _THIRD, _FOURTH = "#005f52", "#d55e00", "#2f7fc1", "#8d6bb1"
PANELS = {
    "Pixels or patches": (
        Variant("1-NN, pixels", "miou", NN, _FIRST, "o"),
        Variant("1-NN, patches", "patch_miou", NN, _FIRST, "|"),
        Variant("linear, pixels", "miou", LINEAR, _SECOND, "o"),
        Variant("linear, patches", "patch_miou", LINEAR, _SECOND, "|"),
    ),
    "Distances of 1-NN": (
        Variant("Euclidean", "miou", NN, _FIRST, "o"),
        Variant("Euclidean, without m", "miou", NN, _FIRST, "o", removed=True),
        Variant("cosine", "miou", COSINE, _THIRD, "s"),
        Variant("cosine, without m", "miou", COSINE, _THIRD, "s", removed=True),
        Variant("batch norm", "miou", NORMALISED, _FOURTH, "D"),
    ),
    "Linear probes": (
        Variant("as everywhere", "miou", LINEAR, _SECOND, "o"),
        Variant("3 x rate", "miou", FASTER, _SECOND, ">"),
        Variant("rate / 3", "miou", SLOWER, _SECOND, "<"),
        Variant("batch norm", "miou", NORMED, _FOURTH, "D"),
        Variant("no batch norm", "miou", PLAIN, QUIET, "X"),
    ),
}


def draw(data: FigureData) -> Drawn:
    """Draw a panel per choice, a line per model, a point per variant."""
    data = data.without_random()
    models, styles = data.models, model_styles(data.models)
    figure = Figure(figsize=(page_width(), 1.2 + _LINE * max(_FEWEST, len(models))), layout="constrained")
    grid, rows = figure.subplots(1, len(PANELS), sharey=True), []
    for axes, (title, variants) in zip(grid, PANELS.items(), strict=True):
        for place, model in enumerate(models):
            measured = measured_of(data, model, "patches")
            found = [(variant, row) for variant in variants if (row := variant.row(measured)) is not None]
            values = [row["value"] for _, row in found]
            if values:
                axes.plot([min(values), max(values)], [place, place], color=GRID, linewidth=2.4, zorder=1)
            for variant, row in found:
                beside = _APART * (variants.index(variant) - (len(variants) - 1) / 2)
                axes.plot([row["value"]], [place + beside], zorder=2, **variant.drawn)
            rows += [row | {"panel": title, "variant": variant.name} for variant, row in found]
        axes.set_title(title, loc="left", weight="bold", fontsize=7.5)
        axes.set_xlabel("Mean IoU")
        axes.set_xlim(left=0)
        axes.grid(axis="x")
        handles = [Line2D([], [], label=variant.name, **variant.drawn) for variant in variants]
        below = (0.5, -0.36 / (_LINE * max(_FEWEST, len(models)) + 0.1))
        style = {"ncols": 2, "fontsize": 6, "handlelength": 1, "columnspacing": 0.8}
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=below, **style)
    if not rows:
        return draw_absent("not measured", (*COLUMNS, "panel", "variant"))
    grid[0].set_yticks(range(len(models)), [model.display_name for model in models])
    for label, model in zip(grid[0].get_yticklabels(), models, strict=True):
        label.set(color=styles[model.id].text, weight="bold")
    grid[0].set_ylim(len(models) - 0.4, -0.6)
    return Drawn(figure, drawn_rows(rows, ["panel", "variant"]))
