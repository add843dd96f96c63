"""Classes told by a single token of an image: a normal patch, a high-norm one, CLS."""

from __future__ import annotations

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.registers.conditions import CLASS_ACCURACY, CLASS_DEVIATION, CLS, HIGH, NORMAL, of_all_images
from workflow_scripts.studies.registers.kind_colours import KIND_COLOURS, kind_handles, pale
from workflow_scripts.studies.registers.measured import Measured, measured_of
from workflow_scripts.studies.registers.model_bars import Bar, Line, Panel, draw_model_bars


def draw(data: FigureData) -> Drawn:
    """Draw a line per model; without high-norm tokens its bars are of all images, and pale."""
    models = data.without_random().models
    styles = model_styles(models)
    lines = [Line(model.display_name, styles[model.id].text, (_bars(data, model),)) for model in models]
    found = dict.fromkeys(name for model in models for name in measured_of(data, model, "classification").datasets)
    panel = Panel(", ".join(found), "Accuracy, %", percent=True)
    return draw_model_bars([panel], lines, kind_handles((NORMAL, HIGH, CLS)))


def _bars(data: FigureData, model: RunModel) -> tuple[Bar | str, ...]:
    measured = measured_of(data, model, "classification")
    if measured.row(CLASS_ACCURACY, HIGH) is not None:
        found = [_bar(measured, kind, kind, KIND_COLOURS[kind]) for kind in (NORMAL, HIGH, CLS)]
    else:
        normal, cls = (_bar(measured, kind, of_all_images(kind), pale(KIND_COLOURS[kind])) for kind in (NORMAL, CLS))
        found = [normal, normal and "no high-norm tokens", cls]
    return tuple(one for one in found if one is not None) or ("not measured",)


def _bar(measured: Measured, kind: str, setting: str, colour: str | tuple[float, ...]) -> Bar | None:
    """Return the bar of a setting, its whisker one standard deviation over draws up and down; CLS is drawn once."""
    row = measured.row(CLASS_ACCURACY, setting)
    if row is None:
        return None
    if kind == CLS:
        return Bar(row, colour)
    spread = measured.value(CLASS_DEVIATION, setting)
    return Bar({**row, "sd_over_draws": spread}, colour, row["value"] - spread, row["value"] + spread)
