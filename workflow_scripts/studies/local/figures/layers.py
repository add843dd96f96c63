"""Mean IoU of 1-NN by layer: over all classes, over the easy ones, and over the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import layer_axis
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines
from workflow_scripts.studies.local.look import looks
from workflow_scripts.studies.local.measured import measured_of
from workflow_scripts.studies.local.street_classes import EASY


def draw(data: FigureData) -> Drawn:
    """Draw a line per model in each panel; without easy classes the first panel alone."""
    data = data.without_random()
    shown = looks(data.models, {})
    classes = dict.fromkeys(name for look in shown for name in measured_of(data, look.model, "patches").classes)
    groups: dict[str, list[str]] = {"All classes": []}
    if easy := [name for name in classes if name in EASY]:
        hard = [name for name in classes if name not in EASY]
        groups |= {f"Easy: {', '.join(easy)}": easy, f"The other {len(hard)} classes": hard}
    deepest = max((look.model.layers for look in shown), default=1)

    def number(axes: Axes) -> None:
        layer_axis(axes, deepest, None, at_most=6 if len(groups) > 1 else 12)
        axes.set_ylim(bottom=0)

    panels = []
    for title, chosen in groups.items():
        lines = []
        for look in shown:
            rows = _rows(data, look.model, chosen)
            drawn = look.drawn() | {"linestyle": look.style.dash}
            lines.append(Line([row["layer"] for row in rows], rows, drawn))
        panels.append(LinePanel(title, tuple(lines), "Layer", "Mean IoU", finish=number))
    return draw_lines([panels], [look.handle() for look in shown])


def _rows(data: FigureData, model: RunModel, classes: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return a row per layer: the mean over all classes as the table has it, else the mean over those of `classes` it has."""
    measured = measured_of(data, model, "patches")
    if not classes:
        return measured.layers("miou")
    by_layer: dict[int, list[Mapping[str, Any]]] = {}
    for name in classes:
        for row in measured.layers("class_iou", **{"class": name}):
            by_layer.setdefault(row["layer"], []).append(row)
    said = {"metric": "class_iou", "setting": f"mean of {', '.join(classes)}", "ci_low": np.nan, "ci_high": np.nan}
    return [rows[0] | said | {"value": float(np.mean([row["value"] for row in rows]))} for _, rows in sorted(by_layer.items())]
