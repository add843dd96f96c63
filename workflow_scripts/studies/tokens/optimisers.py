"""The second optimiser beside the first: accuracy and F1 of hyperplanes by token, model by model."""

from __future__ import annotations

from matplotlib.patches import Patch

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.style import INK, model_styles
from workflow_scripts.studies.tokens.bars import Group, Panel, draw_rows
from workflow_scripts.studies.tokens.colours import TOKEN_COLOURS, pale
from workflow_scripts.studies.tokens.decisions import FIVE, HYPERPLANE, SGD, TOKENS
from workflow_scripts.studies.tokens.measured import METRICS, Measured
from workflow_scripts.studies.tokens.token_bars import CHANCE, bar, measured_of

SHOWN = (*FIVE, "token_normed")  # the norm is the other remedy for lengths that differ


def draw_optimisers(data: FigureData, analysis: str) -> Drawn:
    """Draw a row per model: accuracy at the left, F1 at the right; for each token a bar with Adam and a pale one with SGD."""
    data = data.without_random()
    styles, rows = model_styles(data.models), []
    for model in data.models:
        own = measured_of(data, model, analysis)
        title = (model.display_name, styles[model.id].text)
        rows.append([Panel(*title, _groups(own, metric), METRICS[metric]) for metric in ("accuracy", "f1")])
    handles = [Patch(color=INK, label="Adam"), Patch(color=pale(INK), label="SGD")]
    return draw_rows(rows, handles)


def _groups(measured: Measured, metric: str) -> tuple[Group, ...]:
    chance = CHANCE if metric == "accuracy" else None
    return tuple(
        Group(
            TOKENS[facet],
            (
                bar(measured, metric, facet, HYPERPLANE),
                bar(measured, metric, facet, SGD, colour=pale(TOKEN_COLOURS[facet])),
            ),
            chance,
        )
        for facet in SHOWN
    )
