"""What the claims compare: numbers of the run's main models, by the paper's names of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.altered import Altered, by_kind
from workflow_scripts.studies.local.conditions import NN, setting
from workflow_scripts.studies.local.measured import Measured, Row
from workflow_scripts.studies.local.methods import METHODS, without
from workflow_scripts.studies.verdict import CannotTestError, Number, Part

_NAMES = {
    "miou": "mIoU",
    "class_iou": "IoU",
    "largest_share": "share of the class predicted most often",
    "share": "share",
    "instance": "accuracy",
    "category_of_errors": "right category among errors",
    "knn_accuracy": "k-NN accuracy",
    "r2": "R2",
    "mse": "mean squared error",
    "psnr": "PSNR",
    "ssim": "SSIM",
}


@dataclass(frozen=True)
class Side:
    """What one analysis measured of one model, with or without its features of largest variance."""

    role: str
    model: RunModel
    analysis: str
    measured: Measured = field(repr=False)
    removed: int = 0

    @property
    def name(self) -> str:
        """Return what reasons call it."""
        return without(self.model.display_name, self.removed) if self.removed else self.model.display_name

    def stripped(self) -> Side:
        """Return the same without the features that the run removes.

        Raises:
            CannotTestError: the table does not say how many these are.
        """
        return Side(self.role, self.model, self.analysis, self.measured, self.main_removal)

    @property
    def main_removal(self) -> int:
        """Return how many features the run removes.

        Raises:
            CannotTestError: the table does not say.
        """
        if not self.measured.removed:
            raise self.lacks("the number of features removed")
        return self.measured.removed

    def number(self, metric: str, rule: str = NN, *, layer: int | None = None, **words: Any) -> Number:
        """Return a number with its interval; words as `Measured.row` has them.

        Raises:
            CannotTestError: it was not measured.
        """
        row = self.measured.row(metric, rule, layer=layer, without=words.pop("without", self.removed), **words)
        said = setting(rule, **{word: value for word, value in words.items() if word not in ("facet", "dataset")})
        of = "".join(f", {words[word]}" for word in ("facet", "dataset") if words.get(word))
        at = f", layer {layer}" if layer else ""
        if row is None:
            raise self.lacks(f"{_NAMES.get(metric, metric)} ({said}{of}{at})")
        return self.of_row(row, f"{_NAMES.get(metric, metric)} of {self.name}, {said}{of}{at}")

    def of_row(self, row: Row, name: str) -> Number:
        """Return the number of a row."""
        return Number(name, *(float(row[column]) for column in ("value", "ci_low", "ci_high")), unit=row["unit"])

    def alterations(self, metric: str, rule: str = NN, **words: Any) -> dict[str, list[Altered]]:
        """Return the alterations that a metric was measured under, by kind and level.

        Raises:
            CannotTestError: there is none.
        """
        points = self.measured.series(metric, "altered", rule, without=self.removed, **words)
        if not points:
            raise self.lacks("altered images")
        return by_kind(point.at for point in points)

    def by_gap(self, metric: str, **words: Any) -> dict[int, Number]:
        """Return a metric of association by gap, ascending.

        Raises:
            CannotTestError: it was not measured.
        """
        points = self.measured.series(metric, "gap", without=self.removed, **words)
        if not points:
            raise self.lacks(f"{_NAMES[metric]} by gap{', full images' if words.get('view') else ''}")
        at = f"{_NAMES[metric]} of {self.name}{', full images' if words.get('view') else ''}"
        return {int(point.at): self.of_row(point.row, f"{at}, gap {point.at}") for point in points}

    def lacks(self, what: str) -> CannotTestError:
        """Return the error that says that something was not measured."""
        return CannotTestError(f"needs {what} of {self.name} in the analysis '{self.analysis}'; this run has none")


def side(evidence: Evidence, analysis: str, role: str) -> Side:
    """Return what an analysis measured of the main model that stands for a role.

    Raises:
        CannotTestError: there is none, or several, or the analysis was not made of it.
    """
    methods = METHODS[role]
    here = {model.method for model in evidence.models if model.id in evidence.main_models}
    (model,) = evidence.main(next((method for method in methods if method in here), methods[0]))
    measured = Measured.of(evidence.table, model.id, analysis)
    if measured.frame.empty:
        raise CannotTestError(f"needs the analysis '{analysis}' of {model.display_name}; this run has none")
    return Side(role, model, analysis, measured)


def sides(evidence: Evidence, analysis: str, *roles: str) -> list[Side]:
    """Return what an analysis measured of each role, in that order.

    Raises:
        CannotTestError: a role is lacking.
    """
    return [side(evidence, analysis, role) for role in roles]


class Lacking(list):
    """What a run lacks of a claim, in words, each once."""

    def there(self, wanted: Sequence[Any], of: Callable[[Any], Any]) -> list[Any]:
        """Return `of` each of `wanted`; those that cannot be had are kept as lacking.

        Raises:
            CannotTestError: none can be had; that of the first.
        """
        found, errors = [], []
        for one in wanted:
            try:
                found.append(of(one))
            except CannotTestError as error:
                errors.append(error)
                self.add(str(error))
        if not found:
            raise errors[0]
        return found

    def add(self, what: str) -> None:
        """Keep something as lacking, without what each such sentence says."""
        said = what.removeprefix("needs ").removesuffix("; this run has none")
        if said not in self:
            self.append(said)

    def __str__(self) -> str:
        """Return all of it in a row."""
        return "; ".join(self)


def present(evidence: Evidence, analysis: str, roles: Sequence[str], lacking: Lacking) -> list[Side]:
    """Return what an analysis measured of those roles that the run has; the others are kept as lacking.

    Raises:
        CannotTestError: it has none of them.
    """
    return lacking.there(roles, lambda role: side(evidence, analysis, role))


def limit(value: float) -> Number:
    """Return a limit that numbers are compared with."""
    return Number("the limit", value)


def distance(name: str, one: Number, other: Number) -> Number:
    """Return how far one number is above another, without an interval: both rest on the same images."""
    return Number(name, one.value - other.value, unit=one.unit)


def ratio(name: str, one: Number, other: Number) -> Number:
    """Return one number over another; infinite over zero."""
    return Number(name, one.value / other.value if other.value else float("inf"))


def within(one: Number, other: Number, most: float) -> Part:
    """Return whether two numbers are at most so far apart."""
    fits = abs(one.value - other.value) <= most
    return Part(f"{one} {'within' if fits else 'not within'} {most:g} of {other}", fits)


def never_rising(numbers: Sequence[Number]) -> list[Part]:
    """Return a part for every number that is above the one before it, or one that none is."""
    rising = [Part(f"{later} above {sooner}", False) for sooner, later in pairwise(numbers) if later.value > sooner.value]
    return rising or [Part(f"never rising: {numbers[0].name} to {numbers[-1].name}", True)]
