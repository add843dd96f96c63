"""Mean IoU of 1-NN against that of linear probes, for several numbers of training images."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import QUIET
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.line_panels import legend_columns
from workflow_scripts.studies.local.look import COLUMNS, drawn_rows, looks
from workflow_scripts.studies.local.measured import measured_of

_WIDTH = 4.9  # inches
_LARGEST = 70  # points squared, of the most images


def draw(data: FigureData) -> Drawn:
    """Draw a line per model through a marker for each number of images, whose area is proportional to it."""
    data = data.without_random()
    shown, rows, reached, most = looks(data.models, {}), [], [], 0
    figure = Figure(figsize=(_WIDTH, 4.2 + 0.12 * len(shown) / 2), layout="constrained")
    axes = figure.subplots()
    points = {}
    for look in shown:
        measured = measured_of(data, look.model, "patches")
        near, linear = (
            {int(point.at): point.row for point in measured.series("miou", "images", rule)} for rule in (NN, LINEAR)
        )
        points[look.model.id] = [(images, near[images], linear[images]) for images in near if images in linear]
        most = max([most, *(images for images, *_ in points[look.model.id])])
    for look in shown:
        own = points[look.model.id]
        if not own:
            continue
        x, y = (np.array([row["value"] for row in column], float) for column in list(zip(*own, strict=True))[1:])
        axes.plot(x, y, color=look.style.colour, linewidth=0.9, linestyle=look.style.dash, zorder=2)
        area = [_LARGEST * images / most for images, *_ in own]
        axes.scatter(
            x, y, s=area, color=look.style.colour, marker=look.style.marker, linewidths=0.4, edgecolors="white", zorder=3
        )
        rows += [row | {"images": images} for images, *pair in own for row in pair]
        reached += [*x, *y]
    if not rows:
        return draw_absent("not measured", (*COLUMNS, "images"))
    end = 1.08 * max(reached)
    axes.plot([0, end], [0, end], color=QUIET, linestyle=(0, (4, 2)), linewidth=0.7, zorder=1)
    axes.set(xlim=(0, end), ylim=(0, end), xlabel="Mean IoU, 1-NN", ylabel="Mean IoU, linear probe", aspect="equal")
    names = [look.name for look in shown]
    figure.legend(handles=[look.handle() for look in shown], loc="outside lower center", ncols=legend_columns(names, _WIDTH))
    return Drawn(figure, drawn_rows(rows, ["images"]))
