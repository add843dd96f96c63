"""The tables of a run, read for the report: one table for each analysis and model, all of this run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import read_table, read_table_metadata


@dataclass(frozen=True)
class Measured:
    """All tables of single models: analysis (``study/name``) -> model -> rows."""

    tables: Mapping[str, Mapping[str, pd.DataFrame]] = field(default_factory=dict)

    def of(self, study: str, analysis: str) -> pd.DataFrame:
        """Return the rows of all models of one analysis, in the order of the run; empty if it was not made."""
        tables = [table for table in self.tables.get(f"{study}/{analysis}", {}).values() if not table.empty]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def of_study(self, study: str) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield the name of each analysis of a study and its rows, where it has any."""
        for key in self.tables:
            if key.startswith(f"{study}/"):
                name = key.removeprefix(f"{study}/")
                if not (rows := self.of(study, name)).empty:
                    yield name, rows

    def made_of(self, model: str) -> list[tuple[str, int]]:
        """Return the analyses that have a table of `model`, and how many rows it has."""
        return [(key, len(tables[model])) for key, tables in self.tables.items() if model in tables]


def read_measured(
    folder: Path,
    made: Mapping[str, Sequence[str]],
    weights: Mapping[str, str],
    read: Callable[[Path], pd.DataFrame] = read_table,
) -> Measured:
    """Read ``<folder>/<study>/<analysis>/<model>.parquet``.

    Args:
        folder: where tables lie.
        made: the models that each analysis of the run is made of, by ``study/analysis``.
        weights: sha256 of the weights of each model of the run; "" if it has none.
        read: reads a table.

    Raises:
        AtlasError: a table is missing, or is of another model, analysis or other weights than this run's.
    """
    tables: dict[str, dict[str, pd.DataFrame]] = {}
    for key, models in made.items():
        for model in models:
            path = folder / key / f"{model}.parquet"
            if model not in weights:
                raise AtlasError(f"{path}: '{model}' is no model of this run; run describe_run again, or leave the table out")
            table = read(path)
            _of_this_run(path, table, key, model, weights[model])
            tables.setdefault(key, {})[model] = table
    return Measured(tables)


def _of_this_run(path: Path, table: pd.DataFrame, key: str, model: str, weights: str) -> None:
    foreign = set(table["model"]) - {model}
    if foreign:
        raise AtlasError(f"{path}: holds rows of '{min(foreign)}', a table of another run; delete it and run again")
    others = {f"{study}/{name}" for study, name in zip(table["study"], table["analysis"], strict=True)} - {key}
    if others:
        raise AtlasError(f"{path}: holds rows of the analysis {min(others)}, a table of another run; delete it and run again")
    passes = read_table_metadata(path).get("passes") or {}
    for made in passes.values() if isinstance(passes, dict) else ():
        seen = made.get("weights_sha256") if isinstance(made, dict) else None
        if seen and weights and seen != weights:
            raise AtlasError(
                f"{path}: made with other weights ({seen[:12]}) than this run's ({weights[:12]}), a table of another run; "
                "delete it and run again"
            )
