"""Words, numbers and published values that the study's tables for reading have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.report.fragments import MISSING, Cell
from workflow_scripts.studies.local.measured import Row
from workflow_scripts.studies.local.methods import METHODS

_PUBLISHED = Path(__file__).with_name("published.yaml")
AS_PUBLISHED = (
    " As published: numbers of the paper, of its own models and data; MODEL \N{MINUS SIGN} 200 is without 200 of 768 features."
)


@cache
def published(table: str) -> tuple[Mapping[str, Any], ...]:
    """Return the numbers of a table of the paper."""
    return tuple(read_yaml(_PUBLISHED)["tables"][table])


def of_model(entries: Sequence[Mapping[str, Any]], model: RunModel) -> list[Mapping[str, Any]]:
    """Return the published numbers of the paper's model that a model of the run is: of its role and architecture."""
    return [one for one in entries if model.method in METHODS[one["method"]] and one["architecture"] == model.architecture]


def published_value(entries: Sequence[Mapping[str, Any]], **wanted: str) -> float | None:
    """Return the value of the entry that has all of `wanted`; None if none has."""
    return next((one["value"] for one in entries if all(one.get(key) == value for key, value in wanted.items())), None)


def number_cell(value: float | None, decimals: int = 3) -> Cell:
    """Return a number; a dash for None."""
    return Cell(MISSING if value is None else f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}"))


def row_cell(row: Row | None, decimals: int = 3) -> Cell:
    """Return the value of a row with its interval, where it has one."""
    if row is None:
        return Cell(MISSING)
    ends = [row["ci_low"], row["ci_high"]]
    said = "" if any(map(pd.isna, ends)) else " to ".join(f"{end:.{decimals}f}" for end in ends)
    return Cell(number_cell(row["value"], decimals).text, interval=said.replace("-", "\N{MINUS SIGN}"))


def count_cell(value: int | None) -> Cell:
    """Return a count; a dash for None."""
    return Cell(MISSING if value is None else f"{value}")


def datasets_text(table: pd.DataFrame, models: Sequence[RunModel]) -> str:
    """Return the end of a caption: the datasets measured on, and whether these are of the demo world."""
    datasets = ", ".join(dict.fromkeys(table["dataset"])) or "none"
    return f" Data: {datasets}." + (" In the demo world." if any(model.demo for model in models) else "")


def as_table(rows: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """Return rows of analyses as those of a table for reading."""
    return [{**row, "study": "local", "analysis": name} for row in rows]
