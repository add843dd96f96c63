"""Mean IoU of every model without the features of largest variance, by their number: 1-NN and linear probes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines
from workflow_scripts.studies.local.look import looks
from workflow_scripts.studies.local.measured import measured_of


def draw(data: FigureData) -> Drawn:
    """Draw a panel per rule, with a line per model."""
    data = data.without_random()
    shown = looks(data.models, {})
    panels = []
    for rule, title in ((NN, "1-NN"), (LINEAR, "Linear probe")):
        lines = []
        for look in shown:
            points = measured_of(data, look.model, "patches").sweep("miou", rule)
            drawn = look.drawn() | {"linestyle": look.style.dash}
            lines.append(Line([int(point.at) for point in points], [point.row for point in points], drawn))
        panels.append(LinePanel(title, tuple(lines), "Features removed, m", "Mean IoU"))
    return draw_lines([panels], [look.handle() for look in shown])
