"""The thesis' summary tables: best layer of each task, dense against normal extraction, inventory of the models.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862); thesis Tables 2.1, 2.4 and 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import NOISE_LAYERS, RunModel, spell
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import make_table, of_score
from workflow_scripts.report.fragments import Fragment
from workflow_scripts.studies.thesis import layout

TASKS = ("knn", "retrieval", "video", "keypoints")  # scores of the downstream tasks
DIFFERENCE = "dense minus normal"

Scores = Mapping[str, Score]


def tables(table: pd.DataFrame, models: Sequence[RunModel], scores: Scores) -> Iterator[tuple[pd.DataFrame, Fragment]]:
    """Yield each table of the study with its layout for reading.

    Args:
        table: rows of the analyses that the summary reads.
        models: the models of the run.
        scores: the study's, by name.
    """
    best, dense = best_layers(table, models, scores), dense_against_normal(table, models, scores)
    yield best, layout.best_layers_fragment(best, models, scores)
    yield dense, layout.dense_against_normal_fragment(dense, models, scores)
    yield inventory(models), layout.models_fragment(inventory(models), models)


def best_layers(table: pd.DataFrame, models: Sequence[RunModel], scores: Scores) -> pd.DataFrame:
    """Return the score of every model at its best layer of every task, the earliest of equal layers.

    The random baseline has no best layer: its value is the mean of its first 10 layers, its layer is empty, and so is its
    interval.

    Args:
        table: rows of any analyses, in the table contract; only those of `TASKS` are used.
        models: the models of the run.
        scores: the study's, by name.

    Returns:
        The table contract, one row per model, task and dataset, in the order of `models`; what was not measured is left out.
    """
    return _chosen("best_layers", table, models, [scores[task] for task in TASKS])


def dense_against_normal(table: pd.DataFrame, models: Sequence[RunModel], scores: Scores) -> pd.DataFrame:
    """Return J&F of dense and of normal extraction, each at its own best layer, and their difference.

    Args:
        table: rows of any analyses, in the table contract.
        models: the models of the run.
        scores: the study's, by name.

    Returns:
        The table contract: rows of setting "normal", "dense" and, where a model has both, "dense minus normal".
    """
    chosen = _chosen("dense_against_normal", table, models, [scores["video_normal"], scores["video"]])
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


def _chosen(analysis: str, table: pd.DataFrame, models: Sequence[RunModel], tasks: Sequence[Score]) -> pd.DataFrame:
    rows = []
    for model in models:
        own = table[table["model"] == model.id]
        for task in tasks:
            scores = of_score(own[own["analysis"] == task.analysis], task).sort_values("layer", kind="stable")
            rows += [_row(curve, model.random) for _, curve in scores.groupby("dataset", sort=False)]
    return make_table([row | {"study": "thesis", "analysis": analysis} for row in rows])


def _row(curve: pd.DataFrame, random: bool) -> dict[str, object]:
    if random:
        value = curve["value"].head(NOISE_LAYERS).mean()
        return curve.iloc[0].to_dict() | {"value": value, "layer": None, "ci_low": None, "ci_high": None}
    return curve.iloc[int(curve["value"].to_numpy().argmax())].to_dict()  # argmax: the first of equal values
