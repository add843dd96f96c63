"""What the claims compare: means over concepts of the last layer, of the run's main models of DINO and MAE."""

from __future__ import annotations

from dataclasses import dataclass, field

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.tokens.decisions import CATEGORIES, FIVE, TOKENS, setting
from workflow_scripts.studies.tokens.measured import METRICS, Measured
from workflow_scripts.studies.verdict import CannotTestError, Number


@dataclass(frozen=True)
class Side:
    """What one analysis measured of one model."""

    model: RunModel
    analysis: str
    measured: Measured = field(repr=False)

    def number(self, metric: str, facet: str, rule: str, category: str = "") -> Number:
        """Return a mean over all concepts, or over those of a category, with its interval.

        Raises:
            CannotTestError: it was not measured.
        """
        row = self.measured.row(metric, facet, rule, category)
        if row is None:
            raise self._lacks(f"{metric} of {TOKENS[facet]}, {setting(rule, category)}")
        name = f"{_word(metric)} of {self.model.display_name}, {TOKENS[facet]}, {self.analysis}, {setting(rule, category)}"
        return Number(name, *(float(row[column]) for column in ("value", "ci_low", "ci_high")), unit="share")

    def each(self, metric: str, rule: str, category: str = "") -> list[Number]:
        """Return the number of each of the five tokens.

        Raises:
            CannotTestError: one was not measured.
        """
        return [self.number(metric, facet, rule, category) for facet in FIVE]

    def best(self, metric: str, rule: str, category: str = "") -> tuple[str, Number]:
        """Return the token of the highest number, the first of equal ones, and that number.

        Raises:
            CannotTestError: one was not measured.
        """
        found = dict(zip(FIVE, self.each(metric, rule, category), strict=True))
        return max(found.items(), key=lambda pair: pair[1].value)

    @property
    def cosine(self) -> str:
        """Return the cosine rule of figures.

        Raises:
            CannotTestError: no cosine rule was measured.
        """
        if not self.measured.figure_rule:
            raise self._lacks("a cosine rule of at most 50 images")
        return self.measured.figure_rule

    def _lacks(self, what: str) -> CannotTestError:
        return CannotTestError(
            f"needs {what}, in the analysis '{self.analysis}' of {self.model.display_name}; this run has none"
        )


def sides(evidence: Evidence, analysis: str, *methods: str) -> list[Side]:
    """Return what an analysis measured of the main model of each method, in that order.

    Raises:
        CannotTestError: a method has no main model, or several, or the analysis was not made of it.
    """
    found = [Side(m, analysis, Measured.of(evidence.table, m.id, analysis)) for m in evidence.main(*methods)]
    for side in found:
        if side.measured.last.empty:
            name = side.model.display_name
            raise CannotTestError(f"needs the analysis '{analysis}' of {name}; this run has none")
    return found


def shared_categories(*of: Side) -> list[str]:
    """Return the categories of Broden that all sides have, in the study's order."""
    return [category for category in CATEGORIES if all(category in side.measured.categories for side in of)]


def absent(wanted: tuple[str, ...], there: list[str]) -> str:
    """Return the categories of `wanted` that are not there, in a row."""
    return ", ".join(category for category in wanted if category not in there)


def distance(name: str, one: Number, other: Number) -> Number:
    """Return how far one number is above another; without an interval: both rest on the same concepts."""
    return Number(name, one.value - other.value, unit=one.unit)


def _word(metric: str) -> str:
    return METRICS[metric] if metric == "f1" else metric
