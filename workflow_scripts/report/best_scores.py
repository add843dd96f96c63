"""The headline numbers of a run: of each study's scores, the best layer of every model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


def best_rows(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return of each group the row where it is best, the earliest layer of equals; rows tell better from worse and have values.

    Args:
        rows: in the table contract, with an index of its own for each.
        by: columns that make the groups.
    """
    ordered = rows.sort_values("layer", kind="stable")
    good = ordered["value"].where(ordered["higher_is_better"].astype(bool), -ordered["value"])
    return ordered.loc[good.groupby([ordered[column] for column in by], sort=False).idxmax()]


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
    own = own[own["higher_is_better"].notna() & own["value"].notna()].reset_index(drop=True)
    by_analysis = dict(list(own.groupby("analysis")))
    for score in study.scores.values():
        rows = of_score(by_analysis.get(score.analysis, own.iloc[:0]), score)
        rows = rows[rows["head"] == score.head]
        found = [row for _, row in best_rows(rows, ("model", "dataset")).iterrows()] if len(rows) else []
        for row in sorted(found, key=lambda row: list(trained).index(row["model"])):
            yield _best(score, trained[row["model"]], row)


def _best(score: Score, model: RunModel, row: pd.Series) -> Best:
    low, high = row["ci_low"], row["ci_high"]
    interval = None if pd.isna(low) or pd.isna(high) else (float(low), float(high))
    return Best(score, model, row["dataset"], int(row["layer"]), float(row["value"]), interval, row["unit"])
