"""Which figures and tables of a study its claims cite: the words of a source, read as numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[a-z]\d*)?(?![\w%])")
_RANGE = re.compile(r"(\d+)(\.?)(\d*)\s*(?:to|-|\N{EN DASH})\s*(\d+)\2(\d*)(?![\w.])")
_KINDS = {"fig": "figure", "table": "table"}
_HEAD = re.compile(r"(fig|table|sec|app|[A-Z]\.\d)\w*\.?s?\.?", re.I)


def cited(source: str) -> dict[str, set[str]]:
    """Return the numbers of the figures and tables that a claim's source cites, by kind, "figure" and "table".

    ``Sections 2.4.1, 2.4.2; Figures 2.6, 2.11 to 2.13; Table 2.1`` cites figures 2.6, 2.11, 2.12, 2.13 and table 2.1. Numbers
    after ``summary,`` are those of a summary beside the study: ``summary 1``.
    """
    found: dict[str, set[str]] = {"figure": set(), "table": set()}
    for clause in source.split(";"):
        kind, before = "", ""
        for piece in re.split(r",|\band\b", _spell_out(clause)):
            words = piece.strip()
            if words == "summary":
                before = "summary "
                continue
            head = _HEAD.match(words)
            if head:
                kind = _KINDS.get(head.group(1).lower(), "")
                words = words[head.end() :]
            if kind:
                found[kind] |= {before + number for number in _NUMBER.findall(words)}
    return found


def own_numbers(number: str) -> set[str]:
    """Return the single numbers that a figure's number in its study stands for.

    "4b-4c" stands for 4b and 4c, "2.11-2.12" for 2.11 and 2.12, "6 left" for 6, "summary 1; 2" for "summary 1" and 2.
    """
    numbers: set[str] = set()
    for clause in number.split(";"):
        before = "summary " if clause.strip().startswith("summary") else ""
        numbers |= {before + one for one in _NUMBER.findall(_spell_out(clause))}
    return numbers


def in_the_study(number: str) -> str:
    """Return a figure's number in its study for reading: "summary 1; 2" is "Figure 2 of the study, Figure 1 of its summary"."""
    clauses = [clause.strip() for clause in number.split(";")]
    own = [clause for clause in clauses if not clause.startswith("summary")]
    brief = [clause.removeprefix("summary").strip() for clause in clauses if clause not in own]
    said = [f"Figure {', '.join(own)} of the study"] if own else []
    whose = "its" if own else "the study's"
    said += [f"Figure {', '.join(brief)} of {whose} summary"] if brief else []
    return ", ".join(said)


def matches(cites: str, own: str) -> bool:
    """Return whether a citation of number `cites` means the figure `own`: "4" means 4 and 4a, "1b1" also 1b."""

    def whole(text: str) -> str:
        return re.sub(r"[a-z]\d*$", "", text)

    if cites == own:
        return True
    letters = [text.removeprefix(whole(text)) for text in (cites, own)]
    return whole(cites) == whole(own) and (
        not all(letters) or letters[0].startswith(letters[1]) or letters[1].startswith(letters[0])
    )


def citing(sources: Mapping[str, str], numbers: Mapping[str, str], kind: str = "figure") -> dict[str, list[str]]:
    """Return, for each claim, what its source cites of one kind.

    Args:
        sources: source by claim.
        numbers: number in the study by figure (or table); "" if it has none.
        kind: "figure" or "table".

    Returns:
        The keys of `numbers` that are cited, in their order, by claim.
    """
    owned = {name: own_numbers(number) for name, number in numbers.items()}
    return {claim: _among(cited(source)[kind], owned) for claim, source in sources.items()}


def _among(cites: Iterable[str], owned: Mapping[str, set[str]]) -> list[str]:
    cites = list(cites)
    return [name for name, own in owned.items() if any(matches(one, number) for one in cites for number in own)]


def _spell_out(text: str) -> str:
    """Return `text` with ranges of numbers written out: "2.11 to 2.13" as "2.11, 2.12, 2.13"."""

    def numbers(found: re.Match[str]) -> str:
        first, dot, second, third, fourth = found.groups()
        if dot:
            if first != third or not second or not fourth:
                return found.group()
            return ", ".join(f"{first}.{n}" for n in range(int(second), int(fourth) + 1))
        return ", ".join(str(n) for n in range(int(first), int(third) + 1))

    return _RANGE.sub(numbers, text)
