"""Accuracy of associating objects between frames, by the gap between them."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines
from workflow_scripts.studies.local.look import looks
from workflow_scripts.studies.local.measured import measured_of

METRICS = {"instance": "The same object", "category": "An object of the same category"}
GAP = "Gap in frames"


def draw_association(data: FigureData, analysis: str) -> Drawn:
    """Draw a panel for objects and one for their categories, with a line per model and one without its top features."""
    data = data.without_random()
    measured = {model.id: measured_of(data, model, analysis) for model in data.models}
    shown = looks(data.models, {key: own.removed for key, own in measured.items()})
    panels = []
    for metric, title in METRICS.items():
        lines = []
        for look in shown:
            points = measured[look.model.id].series(metric, "gap", without=look.removed)
            drawn = look.drawn() | {"linestyle": look.style.dash}
            lines.append(Line([int(point.at) for point in points], [point.row for point in points], drawn))
        panels.append(LinePanel(title, tuple(lines), GAP, "Accuracy"))
    return draw_lines([panels], [look.handle() for look in shown], share_y=False)
