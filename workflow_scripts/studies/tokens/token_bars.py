"""Bars of the token types: by metric or by category of concepts, a panel for each model."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import model_styles
from workflow_scripts.studies.tokens.bars import Bar, Group, Panel, draw_rows
from workflow_scripts.studies.tokens.colours import TOKEN_COLOURS, token_handles
from workflow_scripts.studies.tokens.decisions import FIVE, support_of
from workflow_scripts.studies.tokens.measured import METRICS, Measured

CHANCE = 0.5  # of balanced accuracy
_COLUMNS = {1: 1, 2: 2, 4: 2}  # panels side by side by their number, else three


def bar(
    measured: Measured,
    metric: str,
    facet: str,
    rule: str,
    category: str = "",
    colour: str | tuple[float, ...] = "",
) -> Bar | None:
    """Return the bar of a mean in the token's colour; None where nothing was measured.

    Its whisker is one standard deviation over trials up and down for a cosine rule, else the interval over concepts.
    """
    row = measured.row(metric, facet, rule, category)
    if row is None:
        return None
    ends = (float(row["ci_low"]), float(row["ci_high"]))
    if support_of(rule) is not None:
        spread = measured.spread(metric, facet, rule, category)
        ends, row = (row["value"] - spread, row["value"] + spread), {**row, "sd_over_trials": spread}
    return Bar(row, *ends, colour or TOKEN_COLOURS[facet])


def by_metric(measured: Measured, rule: str) -> tuple[Group, ...]:
    """Return a group for each of the four metrics, of all concepts, with a bar for each of the five tokens."""
    return tuple(
        Group(
            name,
            tuple(bar(measured, metric, facet, rule) for facet in FIVE),
            CHANCE if metric == "accuracy" else None,
        )
        for metric, name in METRICS.items()
    )


def by_category(measured: Measured, metric: str, rule: str) -> tuple[Group, ...]:
    """Return a group for each category of concepts, with a bar for each of the five tokens."""
    chance = CHANCE if metric == "accuracy" else None
    return tuple(
        Group(category, tuple(bar(measured, metric, facet, rule, category) for facet in FIVE), chance)
        for category in measured.categories
    )


def measured_of(data: FigureData, model: RunModel, analysis: str) -> Measured:
    """Return what an analysis measured of one model of a figure."""
    return Measured.of(data.table(model).frame, model.id, analysis)


def model_panels(data: FigureData, analysis: str, rule: str, metric: str = "") -> list[Panel]:
    """Return a panel per model: all metrics, or one by category; of a rule, for "" of the cosine rule of figures."""
    styles, panels = model_styles(data.models), []
    for model in data.models:
        own = measured_of(data, model, analysis)
        chosen = rule or own.figure_rule
        groups = () if not chosen else by_category(own, metric, chosen) if metric else by_metric(own, chosen)
        panels.append(Panel(model.display_name, styles[model.id].text, groups, METRICS.get(metric, "")))
    return panels


def in_rows(panels: Sequence[Panel]) -> list[list[Panel]]:
    """Return panels in rows of two or three."""
    columns = _COLUMNS.get(len(panels), 3)
    return [list(panels[start : start + columns]) for start in range(0, len(panels), columns)]


def draw_metrics(data: FigureData, analysis: str, rule: str = "") -> Drawn:
    """Draw a panel per model with the four metrics of every token; "" is the cosine rule of figures."""
    return draw_rows(in_rows(model_panels(data.without_random(), analysis, rule)), token_handles(FIVE))


def draw_categories(data: FigureData, metrics: Sequence[str], rule: str = "") -> Drawn:
    """Draw metrics of segmentation by category and token: a panel per model; of several metrics a row per model."""
    data = data.without_random()
    each = [model_panels(data, "segmentation", rule, metric) for metric in metrics]
    rows = in_rows(each[0]) if len(each) == 1 else [list(row) for row in zip(*each, strict=True)]
    return draw_rows(rows, token_handles(FIVE))
