"""What an analysis of this study measured of one model, by metric, rule and words of `conditions`.

Figures, claims and tables for reading all read rows through `Measured`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import FigureData
from workflow_scripts.studies.local.conditions import NN, condition, setting
from workflow_scripts.studies.model_rows import ModelRows

FACET = "token_normed"  # the facet of every analysis but that of resolutions
REMOVED, VARIANCE = "removed_main", "variance"

Row = Mapping[str, Any]


class Point(NamedTuple):
    """A row and the value of the word that it is one of several of."""

    at: str
    row: Row


@dataclass(frozen=True)
class Measured(ModelRows):
    """The rows of one model and analysis."""

    @cached_property
    def removed(self) -> int | None:
        """Return the number of features that the study removes; None if the table does not say."""
        values = self.frame.loc[self.frame["metric"] == REMOVED, "value"].dropna()
        return None if values.empty else round(values.iloc[0])

    @cached_property
    def _rows(self) -> dict[tuple[str, str, str], list[Row]]:
        """Return rows that have a number by (metric, facet, setting)."""
        found: dict[tuple[str, str, str], list[Row]] = {}
        there = self.frame[self.frame["value"].notna()]
        for row in there.assign(layer=there["layer"].fillna(0).astype(int)).to_dict("records"):
            found.setdefault((row["metric"], row["facet"], row["setting"]), []).append(row)
        return found

    def row(
        self,
        metric: str,
        rule: str = NN,
        *,
        layer: int | None = None,
        facet: str = FACET,
        dataset: str = "",
        **words: str | int | None,
    ) -> Row | None:
        """Return the row that says exactly this; None where it was not measured.

        Args:
            metric: name in the table.
            rule: in front of the setting.
            layer: from 1; None for the last.
            facet: of the tokens.
            dataset: "" for the first in the table.
            **words: of `conditions.WORDS`; None where the number of features removed is not known: there is no such row.
        """
        if None in words.values():
            return None
        wanted = self.last if layer is None else layer
        rows = self._rows.get((metric, facet, setting(rule, **words)), [])
        return next((row for row in rows if row["layer"] == wanted and dataset in ("", row["dataset"])), None)

    def value(self, metric: str, rule: str = NN, **words: Any) -> float:
        """Return the number of `row`, NaN for none."""
        row = self.row(metric, rule, **words)
        return math.nan if row is None else float(row["value"])

    def series(
        self, metric: str, word: str, rule: str = NN, *, facet: str = FACET, dataset: str = "", **words: str | int | None
    ) -> list[Point]:
        """Return the rows of the last layer that say this and `word` besides, by its value, ascending where all are numbers."""
        if None in words.values():
            return []
        wanted = {name: str(value) for name, value in words.items() if value}
        found: dict[str, Row] = {}
        for (one, of, text), rows in self._rows.items():
            said = condition(text)
            others = {name: value for name, value in said.words.items() if name != word}
            if (one, of, said.rule) != (metric, facet, rule) or word not in said.words or others != wanted:
                continue
            row = next((row for row in rows if row["layer"] == self.last and dataset in ("", row["dataset"])), None)
            if row is not None:
                found[said.words[word]] = row
        points = [Point(*pair) for pair in found.items()]
        return sorted(points, key=lambda point: int(point.at)) if all(point.at.isdigit() for point in points) else points

    def masked(self, metric: str) -> list[int]:
        """Return the shares of masked patches that a metric was measured at, in percent, ascending."""
        said = (condition(text).words.get("masked", "0") for of, _, text in self._rows if of == metric)
        return sorted({int(share) for share in said})

    def layers(self, metric: str, rule: str = NN, **words: str) -> list[Row]:
        """Return the rows that say this, of every layer, by layer."""
        rows = self._rows.get((metric, FACET, setting(rule, **words)), [])
        return sorted((row for row in rows if row["layer"]), key=lambda row: row["layer"])

    def sweep(self, metric: str, rule: str = NN) -> list[Point]:
        """Return the rows by number of features removed, that with all features first as 0."""
        whole = self.row(metric, rule)
        return [*([] if whole is None else [Point("0", whole)]), *self.series(metric, "without", rule)]

    @cached_property
    def classes(self) -> list[str]:
        """Return the classes that have a score of their own, in the order of the table."""
        said = dict.fromkeys(self.frame.loc[self.frame["metric"] == "class_iou", "setting"])
        return list(dict.fromkeys(condition(text).words["class"] for text in said))

    @cached_property
    def variances(self) -> np.ndarray:
        """Return the variance of every feature over the gallery, [D] by feature; empty if it was not measured."""
        rows = self.frame[self.frame["metric"] == VARIANCE]
        features = [int(condition(text).words["features"]) for text in rows["setting"]]
        values = np.full(max(features, default=-1) + 1, np.nan)
        values[features] = rows["value"].to_numpy(float)
        return values


def measured_of(data: FigureData, model: RunModel, analysis: str) -> Measured:
    """Return what an analysis measured of one model of a figure."""
    return Measured.of(data.table(model).frame, model.id, analysis)
