"""The thesis' summary tables: best layer of each task, dense against normal extraction, inventory of the models.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862); thesis Tables 2.1, 2.4 and 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from workflow_scripts.common.table import make_table
from workflow_scripts.studies.run_models import RunModel, spell

CHANCE_LAYERS = 10  # the random baseline's score is the mean of its first 10 layers, as in the study's curves


@dataclass(frozen=True)
class Task:
    """A downstream task by the rows that hold its score."""

    analysis: str
    facet: str
    metric: str
    setting: str


KNN = Task("knn", "cls", "knn_top1", "k = 20")
RETRIEVAL = Task("retrieval", "cls", "mean_average_precision", "medium")
VIDEO = Task("video", "token", "jf_mean", "dense")
VIDEO_NORMAL = Task("video", "token", "jf_mean", "normal")
KEYPOINTS = Task("keypoints", "token", "pck_0.1", "thesis rule")
TASKS = (KNN, RETRIEVAL, VIDEO, KEYPOINTS)
DIFFERENCE = "dense minus normal"


def best_layers(table: pd.DataFrame, models: Sequence[RunModel]) -> pd.DataFrame:
    """Return the score of every model at its best layer of every task, the earliest of equal layers.

    The random baseline has no best layer: its value is the mean of its first 10 layers, its layer is empty, and so is its
    interval.

    Args:
        table: rows of any analyses, in the table contract; only those of `TASKS` are used.
        models: the models of the run.

    Returns:
        The table contract, one row per model, task and dataset, in the order of `models`; what was not measured is left out.
    """
    return _chosen("best_layers", table, models, TASKS)


def dense_against_normal(table: pd.DataFrame, models: Sequence[RunModel]) -> pd.DataFrame:
    """Return J&F of dense and of normal extraction, each at its own best layer, and their difference.

    Args:
        table: rows of any analyses, in the table contract.
        models: the models of the run.

    Returns:
        The table contract: rows of setting "normal", "dense" and, where a model has both, "dense minus normal".
    """
    chosen = _chosen("dense_against_normal", table, models, (VIDEO_NORMAL, VIDEO))
    rows = chosen.to_dict("records")
    for key, pair in chosen.groupby(["model", "dataset"], sort=False):
        by_setting = {row["setting"]: row for row in pair.to_dict("records")}
        if len(by_setting) == 2:
            difference = by_setting["dense"]["value"] - by_setting["normal"]["value"]
            changed = {"setting": DIFFERENCE, "value": difference, "layer": None, "ci_low": None, "ci_high": None}
            rows.append(by_setting["dense"] | changed | dict(zip(("model", "dataset"), key, strict=True)))
    return make_table(rows)


def inventory(models: Sequence[RunModel]) -> pd.DataFrame:
    """Return one row per network of the run: name, kind of supervision, and its numbers. Noise has no architecture."""
    return pd.DataFrame(
        [
            {
                "model": model.id,
                "display_name": model.display_name,
                "supervision": model.supervision,
                "method": model.method,
                "architecture": model.architecture,
                "layers": model.layers,
                "heads": model.heads,
                "width": model.width,
                "patch": spell(model.patch),
                "patch_grid": "x".join(map(str, model.grid)),
                "prefix_tokens": model.prefix_tokens,
            }
            for model in models
            if not model.random
        ]
    )


def of_task(table: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Return the rows of `task` in a table of scores or of best layers."""
    keys = {"facet": task.facet, "metric": task.metric, "setting": task.setting}
    return table[(table[list(keys)] == pd.Series(keys)).all(axis=1)]


def _chosen(analysis: str, table: pd.DataFrame, models: Sequence[RunModel], tasks: Sequence[Task]) -> pd.DataFrame:
    rows = []
    for model in models:
        own = table[table["model"] == model.id]
        for task in tasks:
            scores = of_task(own[own["analysis"] == task.analysis], task).sort_values("layer", kind="stable")
            rows += [_row(curve, model.random) for _, curve in scores.groupby("dataset", sort=False)]
    return make_table([row | {"study": "thesis", "analysis": analysis} for row in rows])


def _row(curve: pd.DataFrame, random: bool) -> dict[str, object]:
    if random:
        value = curve["value"].head(CHANCE_LAYERS).mean()
        return curve.iloc[0].to_dict() | {"value": value, "layer": None, "ci_low": None, "ci_high": None}
    return curve.iloc[int(curve["value"].to_numpy().argmax())].to_dict()  # argmax: the first of equal values
