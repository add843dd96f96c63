"""A study's claims and what a run says to them, for reading; `latex.claims` spells them for LaTeX."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError

# Outcome -> (word for style sheets, sign): told apart by the sign and the words, not by the colour alone.
MARKS = {
    "holds": ("holds", "\N{CHECK MARK}"),
    "does not hold": ("fails", "\N{MULTIPLICATION X}"),
    "cannot be tested": ("untested", "\N{EN DASH}"),
}
# In the demo nothing is refuted: another sign and other words for the same outcomes.
DEMO_MARKS = {
    "holds": ("\N{CHECK MARK}", "seen here"),
    "does not hold": ("\N{WHITE CIRCLE}", "not seen here"),
    "cannot be tested": ("\N{EN DASH}", "cannot be tested"),
}


def said_of(outcome: str, demo: bool) -> str:
    """Return an outcome in words: in the demo, whether it was seen there."""
    return DEMO_MARKS[outcome][1] if demo else outcome


IN_THE_DEMO = "These verdicts are about tiny models in a painted world. They neither confirm nor refute the study."


@dataclass(frozen=True)
class Measured:
    """A number that a verdict rests on, as text."""

    name: str
    value: str
    interval: str


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict."""

    id: str
    part: str
    statement: str
    compared: str
    source: str
    outcome: str
    reason: str
    rule: str
    numbers: tuple[Measured, ...]

    @property
    def kind(self) -> str:
        """Return the outcome as one word, for style sheets."""
        return MARKS[self.outcome][0]

    @property
    def sign(self) -> str:
        """Return the outcome's sign."""
        return MARKS[self.outcome][1]


@dataclass(frozen=True)
class Claims:
    """All claims of a study; `demo` if the run is the demo's."""

    demo: bool
    claims: tuple[Claim, ...]

    @property
    def heading(self) -> str:
        """Return the heading of the section: in the demo it says so."""
        return "Claims of the study, in the demo world" if self.demo else "Claims of the study"

    @property
    def column(self) -> str:
        """Return the heading of the column of verdicts."""
        return "In the demo world" if self.demo else "Verdict"

    def sign(self, claim: Claim) -> str:
        """Return the sign of a verdict."""
        return DEMO_MARKS[claim.outcome][0] if self.demo else claim.sign

    def words(self, claim: Claim) -> str:
        """Return a verdict in words: in the demo, whether it was seen there."""
        return said_of(claim.outcome, self.demo)

    @property
    def examples(self) -> str:
        """Return the first claim of each outcome that says yes or no, in a sentence."""
        first = [claim for claim, _ in self.counts if claim.outcome != "cannot be tested"]
        said = [
            f"{self.words(claim).capitalize()}: \N{LEFT DOUBLE QUOTATION MARK}{claim.statement}\N{RIGHT DOUBLE QUOTATION MARK}"
            for claim in first
        ]
        return " ".join(said) or "This run can test none of its claims."

    @property
    def counts(self) -> list[tuple[Claim, int]]:
        """Return how many claims have which outcome, each with a claim that has it, in the order of `MARKS`."""
        groups = {outcome: [claim for claim in self.claims if claim.outcome == outcome] for outcome in MARKS}
        return [(group[0], len(group)) for group in groups.values() if group]

    @property
    def parts(self) -> dict[str, list[Claim]]:
        """Return the claims by part of the study, in order."""
        parts: dict[str, list[Claim]] = {}
        for claim in self.claims:
            parts.setdefault(claim.part, []).append(claim)
        return parts

    @property
    def summary(self) -> str:
        """Return how many claims have which outcome, in words."""
        count = Counter(claim.outcome for claim in self.claims)
        words = {"holds": ("holds", "hold"), "does not hold": ("does not", "do not")}
        if self.demo:
            words = {"holds": ("is seen here", "are seen here"), "does not hold": ("is not seen", "are not seen")}
        words["cannot be tested"] = ("cannot be tested with this run",) * 2
        said = [f"{count[outcome]} {words[outcome][count[outcome] != 1]}" for outcome in MARKS if count[outcome]]
        return f"Of {len(self.claims)} claims {', '.join(said)}."


def read_claims(path: Path) -> Claims:
    """Read the file that the command judge_claims writes.

    Raises:
        AtlasError: it is not such a file.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return Claims(content["demo"], tuple(_claim(claim) for claim in content["claims"]))
    except (ValueError, KeyError, TypeError) as error:
        raise AtlasError(f"{path}: not the verdicts of a study ({error}); delete it and run judge_claims again") from None


def _claim(claim: Mapping[str, Any]) -> Claim:
    texts = {key: claim[key] for key in ("id", "part", "statement", "compared", "source", "outcome", "reason", "rule")}
    if claim["outcome"] not in MARKS:
        raise ValueError(f"outcome '{claim['outcome']}'")
    return Claim(**texts, numbers=tuple(_measured(number) for number in claim["numbers"]))


def _measured(number: Mapping[str, Any]) -> Measured:
    value, *ends = (
        None
        if number[key] is None
        else f"{number[key]:.{0 if number['unit'] == 'count' else 3}f}".replace("-", "\N{MINUS SIGN}")
        for key in ("value", "ci_low", "ci_high")
    )
    return Measured(number["name"], value, "" if None in ends else " to ".join(ends))
