"""What the study's figures show of each model: its scores, and the layer at which a facet segments best."""

from __future__ import annotations

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.curves import Curve, baseline_rows
from workflow_scripts.figures.data import FigureData


def curve_values(data: FigureData, model: RunModel, score: str) -> list[float]:
    """Return a score of a model by layer; of the random baseline at the layers that its level averages."""
    rows = Curve.of(data.scores[score]).rows(data.table(model))
    return (baseline_rows(rows) if model.random else rows)["value"].tolist()


def best_layer(data: FigureData, model: RunModel, facet: str, of: str = "") -> int:
    """Return the layer, from 1, of the highest mean IoU of a facet, the first of equal ones.

    Args:
        data: the tables.
        model: one of them.
        facet: key, query, value or token.
        of: what the names of the scores of a further dataset begin with.
    """
    return highest_layer(data, model, f"{of}miou_{facet}")


def highest_layer(data: FigureData, model: RunModel, score: str) -> int:
    """Return the layer, from 1, at which a score is highest, the first of equal ones."""
    values = curve_values(data, model, score)
    return values.index(max(values)) + 1
