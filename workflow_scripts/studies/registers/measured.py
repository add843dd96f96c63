"""What an analysis of this study measured of one model; how rows are named, `conditions` says.

Figures and tables for reading read rows through `Measured`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import FigureData
from workflow_scripts.studies.model_rows import ModelRows

FACET = "token"  # block output before the final norm: the facet of all analyses but object discovery

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measured(ModelRows):
    """The rows of one model and analysis."""

    @cached_property
    def _rows(self) -> dict[str, list[Row]]:
        """Return the rows that have a number, by metric."""
        there = self.frame[self.frame["value"].notna()]
        there = there.assign(layer=there["layer"].fillna(0).astype(int))
        return {metric: rows.to_dict("records") for metric, rows in there.groupby("metric", sort=False)}

    def rows(self, metric: str, **said: str | int) -> list[Row]:
        """Return the rows of a metric in which each column of `said` is as said, in the order of the table."""
        return [row for row in self._rows.get(metric, []) if all(row[column] == value for column, value in said.items())]

    def row(
        self, metric: str, setting: str = "", *, facet: str = FACET, dataset: str = "", layer: int | None = None
    ) -> Row | None:
        """Return the row that says exactly this; None where it was not measured.

        Args:
            metric: name in the table.
            setting: the same.
            facet: the same.
            dataset: "" for the first in the table.
            layer: from 1; None for the last.
        """
        rows = self.rows(metric, setting=setting, facet=facet, layer=self.last if layer is None else layer)
        return next((row for row in rows if dataset in ("", row["dataset"])), None)

    def value(self, metric: str, setting: str = "", **said: Any) -> float:
        """Return the number of `row`, NaN for none."""
        row = self.row(metric, setting, **said)
        return math.nan if row is None else float(row["value"])


def measured_of(data: FigureData, model: RunModel, analysis: str) -> Measured:
    """Return what an analysis measured of one model of a figure."""
    return Measured.of(data.table(model).frame, model.id, analysis)
