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
from workflow_scripts.studies.registers.measured import Row
from workflow_scripts.studies.registers.methods import base_method, has_registers

_PUBLISHED = Path(__file__).with_name("published.yaml")

Entry = Mapping[str, Any]


@cache
def published(table: str) -> tuple[Entry, ...]:
    """Return the numbers of a table of the paper."""
    return tuple(read_yaml(_PUBLISHED)["tables"][table])


def of_model(entries: Sequence[Entry], model: RunModel) -> list[Entry]:
    """Return the published numbers of the paper's model that a model of the run is.

    It has the same method, registers if the paper's has, and the same architecture where the paper names one. No network of
    the demo is one of the paper's.
    """
    if model.demo:
        return []
    return [
        one
        for one in entries
        if base_method(one["method"]) == base_method(model.method)
        and one.get("registers", False) == has_registers(model)
        and one.get("architecture", model.architecture) == model.architecture
    ]


def number_cell(value: float | None, decimals: int = 3, note: str = "") -> Cell:
    """Return a number; a dash for None."""
    return Cell(MISSING if value is None else _spelled(value, decimals), note=note)


def percent_cell(value: float | None, note: str = "") -> Cell:
    """Return a share in percent; a dash for None."""
    return number_cell(None if value is None else 100 * value, 1, note)


def row_cell(row: Row | None, decimals: int = 1, factor: float = 100, note: str = "") -> Cell:
    """Return the value of a row, a share in percent, with its interval where it has one; a dash for None."""
    if row is None:
        return Cell(MISSING)
    ends = [row["ci_low"], row["ci_high"]]
    interval = "" if any(map(pd.isna, ends)) else " to ".join(_spelled(factor * end, decimals) for end in ends)
    return Cell(_spelled(factor * row["value"], decimals), note=note, interval=interval)


def name_cell(model: RunModel) -> Cell:
    """Return the first cell of a model's row."""
    return Cell(model.display_name, dot=model.supervision)


def published_name_cell(model: RunModel) -> Cell:
    """Return the first cell of the row of the paper's numbers of a model."""
    return Cell(f"{model.display_name}, as published", dot=model.supervision)


def data_text(table: pd.DataFrame, models: Sequence[RunModel]) -> str:
    """Return the end of a caption: the datasets measured on, and whether these are of the demo world."""
    datasets = ", ".join(dict.fromkeys(table["dataset"])) or "none"
    return f" Data: {datasets}." + (" In the demo world." if any(model.demo for model in models) else "")


def as_table(rows: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """Return rows of analyses as those of a table for reading."""
    return [{**row, "study": "registers", "analysis": name} for row in rows]


def _spelled(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace("-", "\N{MINUS SIGN}")
