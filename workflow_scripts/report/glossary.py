"""The report's words: field terms, columns of the tables, and the metrics that a run has measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from workflow_scripts.common.study import Study
from workflow_scripts.common.table import COLUMNS
from workflow_scripts.report.measured import Measured

_WORDS = Path(__file__).with_name("glossary.yaml")
_DIRECTIONS = {True: "higher is better", False: "lower is better"}


@dataclass(frozen=True)
class Metric:
    """A metric of the tables: its name there, what it is, its unit, which way is better, and the analyses that measure it."""

    name: str
    meaning: str
    unit: str
    direction: str
    analyses: tuple[str, ...]


@dataclass(frozen=True)
class Glossary:
    """Field terms, columns, and metrics, by name."""

    terms: Mapping[str, str]
    columns: Mapping[str, str]
    metrics: tuple[Metric, ...]


def glossary(studies: Sequence[Study], measured: Measured, compared: Mapping[str, pd.DataFrame] | None = None) -> Glossary:
    """Return the words of the report and the metrics of this run's tables.

    Args:
        studies: of the run.
        measured: its tables of single models.
        compared: its tables of comparisons of models, by ``study/analysis``.
    """
    words: dict[str, Any] = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    metrics = _metrics(studies, measured, compared or {}, words)
    return Glossary(words["terms"], {name: words["columns"][name] for name in COLUMNS}, tuple(metrics))


def _metrics(
    studies: Sequence[Study], measured: Measured, compared: Mapping[str, pd.DataFrame], words: Mapping[str, Any]
) -> list[Metric]:
    units: dict[str, list[str]] = {}
    ways: dict[str, set[bool]] = {}
    titles: dict[str, list[str]] = {}
    for study in studies:
        pairs = [(key.partition("/")[2], table) for key, table in compared.items() if key.startswith(f"{study.name}/")]
        for name, table in [*measured.of_study(study.name), *pairs]:
            kinds = table[["metric", "unit", "higher_is_better"]].drop_duplicates()
            for metric, unit, better in kinds.itertuples(index=False):
                units.setdefault(metric, []).append(unit if isinstance(unit, str) else "")
                ways.setdefault(metric, set()).update([] if pd.isna(better) else [bool(better)])
                titles.setdefault(metric, []).append(study.analyses[name].title)
    return [
        Metric(
            name,
            words["metrics"].get(name, ""),
            ", ".join(dict.fromkeys(unit for unit in units[name] if unit)),
            _DIRECTIONS[next(iter(ways[name]))] if len(ways[name]) == 1 else "",
            tuple(dict.fromkeys(titles[name])),
        )
        for name in sorted(units)
    ]
