"""Objects found again in later frames, by patches of tiles and by patches of the whole frame."""

from __future__ import annotations

from matplotlib.lines import Line2D

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, model_styles
from workflow_scripts.studies.local.association_lines import GAP
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines, per_row
from workflow_scripts.studies.local.look import COLUMNS
from workflow_scripts.studies.local.measured import measured_of

_VIEWS = {"": ("tiles", INK), "full": ("full image", "#d55e00")}
_METRICS = {"instance": ("object", "o", "-"), "category": ("category", "^", (0, (4, 1.4)))}


def draw(data: FigureData) -> Drawn:
    """Draw a panel for every model that was given whole frames."""
    data = data.without_random()
    styles, panels = model_styles(data.models), []
    looks = {
        (view, metric): {
            "color": colour, "marker": marker, "linestyle": dash, "label": f"{of}, {said}", "markersize": 3.4, "linewidth": 1.2,
            "markeredgecolor": "white", "markeredgewidth": 0.3,
        }
        for view, (said, colour) in _VIEWS.items()
        for metric, (of, marker, dash) in _METRICS.items()
    }  # fmt: skip
    for model in data.models:
        measured, lines = measured_of(data, model, "association"), []
        if not measured.series("instance", "gap", view="full"):
            continue
        for (view, metric), look in looks.items():
            points = measured.series(metric, "gap", view=view)
            drawn = {key: value for key, value in look.items() if key != "label"}
            lines.append(Line([int(point.at) for point in points], [point.row for point in points], drawn))
        panels.append(LinePanel(model.display_name, tuple(lines), GAP, "Accuracy", styles[model.id].text))
    if not panels:
        return draw_absent("no model was given whole frames", COLUMNS)
    return draw_lines(per_row(panels), [Line2D([], [], **look) for look in looks.values()])
