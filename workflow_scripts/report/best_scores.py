"""The headline numbers of a run: of each study's scores, the best layer of every model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score, Study
from workflow_scripts.common.table import make_table, of_score, read_table


@dataclass(frozen=True)
class Best:
    """A score of a model on a dataset at its best layer; the interval is None where none was measured."""

    score: Score
    model: RunModel
    dataset: str
    layer: int
    value: float
    interval: tuple[float, float] | None
    unit: str


def read_tables(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the rows of all tables."""
    return pd.concat([make_table([]), *map(read_table, paths)], ignore_index=True)


def best_scores(study: Study, table: pd.DataFrame, models: Iterable[RunModel]) -> Iterator[Best]:
    """Yield each score of a study at each model's best layer, the earliest of equals, in the order of scores and models.

    Noise has no best layer, and a score of which neither more nor less is better has none: they are left out.

    Args:
        study: whose scores.
        table: rows of any analyses of any studies.
        models: of the run; rows of others are left out.
    """
    trained = {model.id: model for model in models if not model.random}
    own = table[(table["study"] == study.name) & table["model"].isin(list(trained)) & table["layer"].notna()]
    own = own[own["higher_is_better"].notna() & own["value"].notna()].sort_values("layer", kind="stable")
    by_analysis = dict(list(own.groupby("analysis")))
    for score in study.scores.values():
        rows = of_score(by_analysis.get(score.analysis, own.iloc[:0]), score)
        rows = rows[rows["head"] == score.head]
        groups = dict(list(rows.groupby(["model", "dataset"], sort=False)))
        for key in sorted(groups, key=lambda key: list(trained).index(key[0])):
            yield _best(score, trained[key[0]], key[1], groups[key])


def _best(score: Score, model: RunModel, dataset: str, curve: pd.DataFrame) -> Best:
    more = bool(curve["higher_is_better"].iloc[0])
    row = curve.loc[curve["value"].idxmax() if more else curve["value"].idxmin()]
    low, high = row["ci_low"], row["ci_high"]
    interval = None if pd.isna(low) or pd.isna(high) else (float(low), float(high))
    return Best(score, model, dataset, int(row["layer"]), float(row["value"]), interval, row["unit"])
