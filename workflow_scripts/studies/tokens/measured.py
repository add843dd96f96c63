"""What an analysis of this study measured of one model: numbers by metric, token and decision, of the last layer.

Figures, claims and tables for reading all read rows through `Measured`; how rows are named, `decisions` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.studies.tokens.decisions import (
    CONCEPT,
    EXAMPLES,
    FIVE,
    LEFT_OUT,
    NOT_ASKED,
    SPREAD,
    cosine,
    decision,
    ordered,
    setting,
    support_of,
)

METRICS = {"accuracy": "Accuracy", "precision": "Precision", "recall": "Recall", "f1": "F1"}  # name -> as figures write it
FIGURE_SUPPORT = 50  # k of figures where no cosine rule has rows of single concepts
_PER_CONCEPT = (EXAMPLES, LEFT_OUT, NOT_ASKED)


@dataclass(frozen=True)
class Measured:
    """The rows of one model and analysis, of any layers."""

    frame: pd.DataFrame = field(repr=False)

    @classmethod
    def of(cls, table: pd.DataFrame, model: str, analysis: str) -> Measured:
        """Return what `analysis` measured of a model, by its id; may be nothing."""
        return cls(table[(table["model"] == model) & (table["analysis"] == analysis)])

    @cached_property
    def last(self) -> pd.DataFrame:
        """Return the rows of scores in the last layer that has any."""
        scores = self.frame[~self.frame["metric"].isin(_PER_CONCEPT)]
        return scores[scores["layer"] == scores["layer"].max()] if len(scores) else scores

    @cached_property
    def _means(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        means = self.last[~self.last["metric"].str.startswith(CONCEPT)]
        return {(row["metric"], row["facet"], row["setting"]): row for row in means.to_dict("records")}

    def row(self, metric: str, facet: str, rule: str, category: str = "") -> Mapping[str, Any] | None:
        """Return the row of a mean over all concepts, or over those of a category; None where nothing was measured."""
        row = self._means.get((metric, facet, setting(rule, category)))
        return None if row is None or pd.isna(row["value"]) else row

    def value(self, metric: str, facet: str, rule: str, category: str = "") -> float:
        """Return the number of `row`, NaN for none."""
        row = self.row(metric, facet, rule, category)
        return math.nan if row is None else float(row["value"])

    def spread(self, metric: str, facet: str, rule: str, category: str = "") -> float:
        """Return the standard deviation of a mean over trials, NaN where there are none."""
        return self.value(metric + SPREAD, facet, rule, category)

    @cached_property
    def supports(self) -> list[int]:
        """Return the numbers of images of the cosine rules that were measured, ascending."""
        found = {support_of(decision(text).rule) for _, _, text in self._means}
        return sorted(support for support in found if support is not None)

    @cached_property
    def figure_rule(self) -> str:
        """Return the cosine rule of figures: that with rows of single concepts, else of most images up to 50; "" if none."""
        rules = {decision(text).rule for text in self._of_concepts["setting"].unique()}
        single = sorted(support for rule in rules if (support := support_of(rule)) is not None)
        found = single or [support for support in self.supports if support <= FIGURE_SUPPORT]
        return cosine(found[-1]) if found else ""

    @cached_property
    def categories(self) -> list[str]:
        """Return the categories whose concepts were decided on, in the study's order."""
        return ordered({decision(text).category for _, _, text in self._means} - {""})

    def best_token(self, rule: str, metric: str, category: str = "", tokens: Sequence[str] = FIVE) -> str:
        """Return the facet of the highest number, the first of equal ones; "" where nothing was measured."""
        values = {facet: self.value(metric, facet, rule, category) for facet in tokens}
        values = {facet: value for facet, value in values.items() if not math.isnan(value)}
        return max(values, key=values.get) if values else ""

    @cached_property
    def _of_concepts(self) -> pd.DataFrame:
        return self.last[self.last["metric"].str.startswith(CONCEPT)]

    def concepts(self, metric: str, facet: str, rule: str) -> pd.DataFrame:
        """Return a metric of every single concept, columns category, concept, value, in the order of the table."""
        rows = self._of_concepts
        rows = rows[(rows["metric"] == CONCEPT + metric) & (rows["facet"] == facet)]
        said = [decision(text) for text in rows["setting"]]
        frame = pd.DataFrame({"category": [one.category for one in said], "concept": [one.concept for one in said]}, dtype=str)
        frame["value"] = rows["value"].to_numpy(float)
        return frame[np.array([one.rule == rule for one in said], bool)].reset_index(drop=True)

    def counted(self, metric: str) -> pd.DataFrame:
        """Return the numbers of images or objects of every concept (`EXAMPLES`, `LEFT_OUT`): category, concept, value, n."""
        rows = self.frame[self.frame["metric"] == metric]
        named = [text.split(": ", 1) for text in rows["setting"]]
        frame = pd.DataFrame({"category": [one[0] for one in named], "concept": [one[1] for one in named]}, dtype=str)
        return frame.assign(value=rows["value"].to_numpy(float), n=rows["n"].to_numpy(float, na_value=np.nan))
