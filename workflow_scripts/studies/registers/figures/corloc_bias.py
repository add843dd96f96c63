"""How often an object is found, by the bias added to the products of patches."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import say_unmeasured
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, QUIET, grid_lines
from workflow_scripts.studies.registers.conditions import CORLOC, bias, bias_of
from workflow_scripts.studies.registers.kind_colours import FACET_COLOURS
from workflow_scripts.studies.registers.measured import Row, measured_of
from workflow_scripts.studies.registers.methods import published_facet
from workflow_scripts.studies.registers.model_bars import drawn_rows
from workflow_scripts.studies.registers.model_grid import lowest, model_grid
from workflow_scripts.studies.registers.twin_order import beside_twins

_FACETS = ("key", "value")
_DASHES = ("-", (0, (4, 1.4)), (0, (1, 1.2)))  # by dataset
_HEIGHT = 1.3  # inches of a panel


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model: a line for each facet and dataset, the study's own setting ringed."""
    models = beside_twins(data.without_random().models)
    every = {model: measured_of(data, model, "discovery") for model in models}
    rows = {model: measured.rows(CORLOC, layer=measured.last) for model, measured in every.items()}
    datasets = list(dict.fromkeys(row["dataset"] for found in rows.values() for row in found))
    dashes = dict(zip(datasets, _DASHES, strict=False))
    figure, panels = model_grid(models, _HEIGHT, below=0.5)
    for axes, model in zip(panels, models, strict=True):
        _draw_panel(axes, model, rows[model], dashes)
    shown = [row for found in rows.values() for row in found if row["facet"] in _FACETS and row["dataset"] in dashes]
    top = max((row["value"] for row in shown), default=1) or 1
    biases = [bias_of(row["setting"])[0] for row in shown] or [0.0]
    for axes in panels:
        axes.set_ylim(0, 108 * top)
        axes.set_xlim(100 * min(biases) - 1.5, 100 * max(biases) + 1.5)
        grid_lines(axes)
    for axes in panels[:: panels[0].get_subplotspec().get_gridspec().ncols]:
        axes.set_ylabel("CorLoc, %")
    for axes in lowest(panels):
        axes.set_xlabel("Bias, % of the mean product's size")
    handles = [Line2D([], [], color=FACET_COLOURS[facet], label=f"{facet}s") for facet in _FACETS]
    handles += [Line2D([], [], color=INK, linestyle=dash, linewidth=1.1, label=name) for name, dash in dashes.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 if len(panels) == 1 else 5))
    return Drawn(figure, drawn_rows(shown))


def _draw_panel(axes: Axes, model: RunModel, rows: list[Row], dashes: dict[str, str | tuple]) -> None:
    if not rows:
        say_unmeasured(axes)
        return
    axes.axvline(0, color=QUIET, linewidth=0.6)
    for facet in _FACETS:
        for dataset, dash in dashes.items():
            own = sorted(
                (bias_of(row["setting"])[0], row) for row in rows if (row["facet"], row["dataset"]) == (facet, dataset)
            )
            x, y = ([100 * at for at, _ in own], [100 * row["value"] for _, row in own])
            style = {"marker": "o", "markersize": 2.2, "linewidth": 1.1, "linestyle": dash}
            axes.plot(x, y, color=FACET_COLOURS[facet], **style)
            for at, row in own:
                if facet == published_facet(model) and row["setting"] == bias(0):
                    axes.plot(
                        100 * at, 100 * row["value"], "o", markersize=6, markerfacecolor="none",
                        markeredgecolor=INK, markeredgewidth=0.8,
                    )  # fmt: skip
