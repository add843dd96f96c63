"""Mean IoU of MAE without the features of largest variance, by their number."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import QUIET, model_styles
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines
from workflow_scripts.studies.local.measured import measured_of
from workflow_scripts.studies.local.methods import reference

_RULES = {NN: ("1-NN", "o", "-"), LINEAR: ("Linear probe", "^", (0, (4, 1.4)))}


def draw(data: FigureData) -> Drawn:
    """Draw a line per rule, and mark the number of features that the study removes elsewhere."""
    data = data.without_random()
    model = reference(data.models)
    style, measured = model_styles(data.models)[model.id], measured_of(data, model, "patches")
    lines, handles = [], []
    for rule, (name, marker, dash) in _RULES.items():
        look = {
            "color": style.colour, "marker": marker, "linestyle": dash, "markersize": 3.6, "linewidth": 1.3,
            "markeredgecolor": "white", "markeredgewidth": 0.3,
        }  # fmt: skip
        points = measured.sweep("miou", rule)
        lines.append(Line([int(point.at) for point in points], [point.row for point in points], look))
        handles.append(Line2D([], [], label=name, **look))

    def mark(axes: Axes) -> None:
        if measured.removed:
            axes.axvline(measured.removed, color=QUIET, linestyle=(0, (1, 1.3)), linewidth=0.9, zorder=1)
        axes.set_ylim(bottom=0)

    panel = LinePanel(model.display_name, tuple(lines), "Features removed, m", "Mean IoU", style.text, mark)
    return draw_lines([[panel]], handles)
