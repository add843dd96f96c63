"""Which claims a figure is evidence for: those whose source names the study's figure that it is after."""

from __future__ import annotations

import re
from collections.abc import Iterable

from workflow_scripts.common.study import Figure
from workflow_scripts.report.claims import Claim

_NUMBER = r"\d+(?:\.\d+)*(?:[a-z]\d?)?"
_LIST = re.compile(rf"\bFig(?:ure)?s?\.?\s+({_NUMBER}(?:\s*(?:,|and|to|-|\N{{EN DASH}})\s*{_NUMBER})*)")
_RANGE = re.compile(rf"({_NUMBER})\s*(?:to|-|\N{{EN DASH}})\s*({_NUMBER})")
_PARTS = re.compile(r"((?:\d+\.)*)(\d+)([a-z]?)\d?")

Number = tuple[str, str]  # "2.11" and "", "4" and "b"


def claims_of(figure: Figure, claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims that a figure is evidence for, in order."""
    shown = _numbers(_of_the_paper(figure.number))
    return [claim for claim in claims if _meet(shown, _cited(claim))]


def figures_of(claim: Claim, figures: Iterable[Figure]) -> list[Figure]:
    """Return the figures that are evidence for a claim, in order."""
    cited = _cited(claim)
    return [figure for figure in figures if _meet(_numbers(_of_the_paper(figure.number)), cited)]


def _cited(claim: Claim) -> set[Number]:
    return {number for found in _LIST.finditer(_of_the_paper(claim.source)) for number in _numbers(found.group(1))}


def _of_the_paper(text: str) -> str:
    """Return `text` without what it says of a summary of the paper, whose figures have other numbers."""
    return "; ".join(part for part in text.split(";") if not part.strip().startswith("summary"))


def _meet(shown: set[Number], cited: set[Number]) -> bool:
    """Return whether figures have a part in common; a figure named without a letter is all of it."""
    return any(base == other and ("" in (part, of) or part == of) for base, part in shown for other, of in cited)


def _numbers(text: str) -> set[Number]:
    """Return the figures that a list names, those within its ranges too."""
    numbers = {_split(number) for number in re.findall(_NUMBER, text)}
    for first, last in _RANGE.findall(text):
        (chapter, low, _), (_, high, _) = (_PARTS.fullmatch(end).groups() for end in (first, last))
        numbers |= {(f"{chapter}{number}", "") for number in range(int(low) + 1, int(high))}
    return numbers


def _split(number: str) -> Number:
    chapter, last, part = _PARTS.fullmatch(number).groups()
    return f"{chapter}{last}", part
