"""What single patch tokens say of their place and pixels, normal and high-norm ones."""

from __future__ import annotations

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.registers.conditions import (
    EVERY,
    HIGH,
    NORMAL,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
)
from workflow_scripts.studies.registers.kind_colours import KIND_COLOURS, kind_handles
from workflow_scripts.studies.registers.measured import Measured, measured_of
from workflow_scripts.studies.registers.model_bars import Bar, Line, Panel, draw_model_bars

_KINDS = (NORMAL, HIGH, EVERY)
_PANELS = {
    POSITION_ACCURACY: Panel("Position found, %", percent=True),
    POSITION_DISTANCE: Panel("Distance from it, patches"),
    PIXEL_ERROR: Panel("Error of pixels, L2"),
}


def draw(data: FigureData) -> Drawn:
    """Draw a line per model, in three panels bars of normal, high-norm and all patches."""
    models = data.without_random().models
    styles = model_styles(models)
    lines = [Line(model.display_name, styles[model.id].text, _cells(data, model)) for model in models]
    return draw_model_bars([*_PANELS.values()], lines, kind_handles(_KINDS))


def _cells(data: FigureData, model: RunModel) -> tuple[tuple[Bar | str, ...], ...]:
    measured = measured_of(data, model, "local_information")
    return tuple(_bars(measured, metric) for metric in _PANELS)


def _bars(measured: Measured, metric: str) -> tuple[Bar | str, ...]:
    found = {kind: measured.row(metric, kind) for kind in _KINDS}
    if not any(found.values()):
        return ("not measured",)
    return tuple(
        Bar(row, KIND_COLOURS[kind], row["ci_low"], row["ci_high"]) if row else "no high-norm tokens" if kind == HIGH else ""
        for kind, row in found.items()
    )
