"""What a claim is answered with: an outcome, what decided it, the rule, and the numbers it rests on.

How numbers are compared, everywhere in this package: an inequality (`above`) holds if the point estimates obey it. Where both
sides have intervals and these overlap, the reason says "within the intervals", so that nobody takes a narrow order for a clear
one. Where few inequalities make a claim, noise would obey them now and then: there they must hold *clearly* (`clearly_above`),
neither number within the other's interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

HOLDS, FAILS, UNTESTED = "holds", "does not hold", "cannot be tested"
_SHOWN = 3  # comparisons a reason spells out; the numbers have them all


class CannotTestError(Exception):
    """The run lacks what a claim is about; the text says what."""


@dataclass(frozen=True)
class Number:
    """A measured number; an absent interval is NaN."""

    name: str
    value: float
    ci_low: float = math.nan
    ci_high: float = math.nan
    unit: str = ""

    def __str__(self) -> str:
        """Return name and value."""
        return f"{self.name} ({self.value:.0f})" if self.unit == "count" else f"{self.name} ({self.value:.3f})"

    def times(self, factor: float, name: str) -> Number:
        """Return the number and its interval scaled."""
        return Number(name, factor * self.value, factor * self.ci_low, factor * self.ci_high, self.unit)

    def minus(self, level: float, name: str) -> Number:
        """Return the number and its interval above an exact level."""
        return Number(name, self.value - level, self.ci_low - level, self.ci_high - level, self.unit)

    def named(self, name: str) -> Number:
        """Return the number under another name."""
        return replace(self, name=name)


@dataclass(frozen=True)
class Part:
    """One comparison a claim consists of: what was found, whether it fits the claim, whether intervals overlap."""

    found: str
    fits: bool
    close: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer to one claim: `reason` is what decided, `rule` when the claim holds, with every threshold."""

    outcome: str
    reason: str
    rule: str = ""
    numbers: tuple[Number, ...] = ()


def decide(rule: str, parts: Sequence[Part], numbers: Iterable[Number], left_out: str = "") -> Verdict:
    """Return the verdict of a claim that holds if every part fits.

    Args:
        rule: when the claim holds, with the thresholds, to follow "Holds if".
        parts: the comparisons made; at least one.
        numbers: what they were made with.
        left_out: what this run cannot tell about the claim, if it can tell the rest.
    """
    assert parts, "a claim without a comparison would always hold"
    against = [part for part in parts if not part.fits]
    close = [part for part in parts if part.close]
    if against:
        reason = f"Against it: {_list(against)}."
    elif close:
        reason = f"Every comparison agrees, but within the intervals: {_list(close)}."
    else:
        reason = "Every comparison agrees."
    if left_out:
        reason += f" Left out: {left_out}."
    return Verdict(FAILS if against else HOLDS, reason, f"Holds if {rule}.", tuple(numbers))


Half = tuple[list[Part], list[Number]]  # comparisons and numbers of one part of a claim


def by_halves(rule: str, halves: Mapping[str, Callable[[], Half]], left_out: str = "") -> Verdict:
    """Return the verdict of a claim about several analyses: by those that the run has, the others named as left out.

    Args:
        rule: when the whole claim holds.
        halves: what each is about -> comparisons and numbers of it.
        left_out: what else the run cannot tell.

    Raises:
        CannotTestError: the run has none of them.
    """
    parts, numbers, lacking = [], [], {}
    for name, half in halves.items():
        try:
            more, measured = half()
        except CannotTestError as error:
            lacking[name] = error
            continue
        parts += more
        numbers += measured
    if not parts:
        raise next(iter(lacking.values()))
    return decide(rule, parts, numbers, "; ".join(filter(None, (*lacking, left_out))))


def above(high: Number, low: Number) -> Part:
    """Return whether `high` is above `low`."""
    fits = high.value > low.value
    overlap = high.ci_low <= low.ci_high and low.ci_low <= high.ci_high  # False with an absent interval
    return Part(f"{high} {'above' if fits else 'not above'} {low}", fits, overlap)


def clearly_above(high: Number, low: Number) -> Part:
    """Return whether `high` is above `low` and neither within the other's interval; an absent one excludes nothing."""
    part = above(high, low)
    if part.fits and (high.value <= low.ci_high or low.value >= high.ci_low):  # False with an absent interval
        return replace(part, found=f"{high} not clearly above {low}", fits=False)
    return part


def apart(high: Number, low: Number) -> Part:
    """Return whether `high` is above `low` and their intervals do not overlap; an absent one excludes nothing."""
    part = above(high, low)
    return replace(part, found=f"{high} not by its interval above {low}", fits=False) if part.fits and part.close else part


def all_clearly_above(high: Sequence[Number], low: Sequence[Number]) -> Part:
    """Return whether the lowest number of `high` is clearly above the highest of `low`."""
    return clearly_above(min(high, key=lambda n: n.value), max(low, key=lambda n: n.value))


def all_above(high: Sequence[Number], low: Sequence[Number]) -> Part:
    """Return whether every number of `high` is above every number of `low`: its lowest above the other's highest."""
    return above(min(high, key=lambda n: n.value), max(low, key=lambda n: n.value))


def mean(name: str, numbers: Sequence[Number]) -> Number:
    """Return the mean of numbers, its interval the mean of their ends.

    That interval is right for numbers that rise and fall together over images, and too wide otherwise.
    """
    columns = zip(*((n.value, n.ci_low, n.ci_high) for n in numbers), strict=True)
    return Number(name, *(sum(column) / len(numbers) for column in columns), unit=numbers[0].unit)


def median(name: str, numbers: Sequence[Number]) -> Number:
    """Return the median of numbers, its interval the medians of their ends."""
    columns = zip(*((n.value, n.ci_low, n.ci_high) for n in numbers), strict=True)
    return Number(name, *(float(np.median(column)) for column in columns), unit=numbers[0].unit)


def percent(share: float) -> str:
    """Return a share as whole percent."""
    return f"{100 * share:.0f} %"


def _list(parts: Sequence[Part]) -> str:
    texts = [part.found + (" (within the intervals)" if part.close and not part.fits else "") for part in parts[:_SHOWN]]
    return "; ".join(texts) + (f"; and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
