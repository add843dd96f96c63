"""How often an object is found, with the facet that the paper uses for a model and no bias."""

from __future__ import annotations

from matplotlib.patches import Patch

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import QUIET, model_styles
from workflow_scripts.studies.registers.conditions import CORLOC, bias
from workflow_scripts.studies.registers.measured import measured_of
from workflow_scripts.studies.registers.methods import has_registers, published_facet
from workflow_scripts.studies.registers.model_bars import Bar, Line, Panel, draw_model_bars
from workflow_scripts.studies.registers.twin_order import beside_twins, twin_spans


def draw(data: FigureData) -> Drawn:
    """Draw a line per model, twins one below the other, and a panel per dataset."""
    models = beside_twins(data.without_random().models)
    styles = model_styles(models)
    found = [row for model in models for row in measured_of(data, model, "discovery").rows(CORLOC)]
    datasets = list(dict.fromkeys(row["dataset"] for row in found)) or [""]
    lines = []
    for model in models:
        style = styles[model.id]
        cells = tuple((_bar(data, model, dataset, style.colour),) for dataset in datasets)
        lines.append(Line(f"{model.display_name}, {published_facet(model)}s", style.text, cells))
    handles = [Patch(color=QUIET, label="without registers"), Patch(facecolor=QUIET, hatch="//////", label="with registers")]
    panels = [Panel(dataset, "CorLoc, %", percent=True) for dataset in datasets]
    return draw_model_bars(panels, lines, handles, twin_spans(models), same_scale=True)


def _bar(data: FigureData, model: RunModel, dataset: str, colour: str) -> Bar | str:
    row = measured_of(data, model, "discovery").row(CORLOC, bias(0), facet=published_facet(model), dataset=dataset)
    return "not measured" if row is None else Bar(row, colour, row["ci_low"], row["ci_high"], has_registers(model))
