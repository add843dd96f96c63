"""k-NN accuracy of aerial scenes by the size of the images: CLS tokens and means of patch tokens, with and without features."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from workflow_scripts.figures.absent import draw_absent
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.local.conditions import NEIGHBOURS
from workflow_scripts.studies.local.line_panels import Line, LinePanel, draw_lines
from workflow_scripts.studies.local.look import COLUMNS
from workflow_scripts.studies.local.measured import Measured, measured_of

_KINDS = {"cls": ("CLS", "#2f7fc1", "o"), "mean_patch": ("mean patch", "#d55e00", "^")}


def draw(data: FigureData) -> Drawn:
    """Draw a row per model with a panel per data set."""
    data = data.without_random()
    styles, grid, removed = model_styles(data.models), [], set()
    for model in data.models:
        measured, panels = measured_of(data, model, "resolution"), []
        removed |= {measured.removed} - {None}
        for dataset in measured.datasets:
            lines = tuple(
                _line(measured, dataset, facet, without) for facet in _KINDS for without in dict.fromkeys((0, measured.removed))
            )
            title = f"{model.display_name}, {dataset}"
            panels.append(
                LinePanel(title, lines, "Size of the image over full size", "Accuracy", styles[model.id].text, _percent)
            )
        if any(line.rows for panel in panels for line in panel.lines):
            grid.append(panels)
    if not grid:
        return draw_absent("not measured", COLUMNS)
    said = f"without {removed.pop()} features" if len(removed) == 1 else "without features of large variance"
    handles = [
        Line2D([], [], label=f"{name}{f', {said}' if without else ''}", **_look(facet, without))
        for facet, (name, *_) in _KINDS.items()
        for without in (False, True)
    ]
    return draw_lines(grid, handles)


def _line(measured: Measured, dataset: str, facet: str, without: int | None) -> Line:
    said = {"facet": facet, "dataset": dataset, "without": without}
    sizes = {one.at: one.row["value"] for one in measured.series("relative_size", "size", NEIGHBOURS, **said | {"without": 0})}
    points = [one for one in measured.series("knn_accuracy", "size", NEIGHBOURS, **said) if one.at in sizes]
    return Line([sizes[point.at] for point in points], [point.row for point in points], _look(facet, bool(without)))


def _look(facet: str, without: bool) -> dict[str, object]:
    _, colour, marker = _KINDS[facet]
    face = {"markerfacecolor": "white", "markeredgecolor": colour} if without else {"markeredgecolor": "white"}
    dash = (0, (1.2, 1.2)) if without else "-"
    return {
        "color": colour,
        "marker": marker,
        "linestyle": dash,
        "markersize": 3.6,
        "linewidth": 1.2,
        "markeredgewidth": 0.7,
    } | face


def _percent(axes: Axes) -> None:
    axes.set_xticks([0.25, 0.5, 0.75, 1], ["25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(0, 1.04)
