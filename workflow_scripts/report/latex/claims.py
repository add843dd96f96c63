"""A study's claims with verdict, reason, rule and numbers, as one LaTeX table that goes over pages.

It stands in any document that loads ``booktabs``, ``longtable`` and ``array``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from workflow_scripts.report.claims import IN_THE_DEMO, Claim, Claims, Measured
from workflow_scripts.report.latex.tables import continued_head
from workflow_scripts.report.latex.text import escape_latex

_TEXT = r">{{\raggedright\arraybackslash}}p{{{:g}\linewidth}}"
_COLUMNS = "@{}l" + "".join(_TEXT.format(width) for width in (0.35, 0.1, 0.43)) + "@{}"
_ACROSS = _TEXT.format(0.91)
_NUMBERS_A_ROW = 24  # a row does not break over pages


def claims_table(claims: Claims, study: str, evidence: Callable[[Claim], str] = lambda claim: "") -> str:
    """Return all claims as a table, by part of the study.

    Args:
        claims: of the study.
        study: its name, for labels.
        evidence: where a claim can be seen, in LaTeX; nothing if it returns nothing.
    """
    caption = f"{claims.heading}. {claims.summary}" + (f" {IN_THE_DEMO}" if claims.demo else "")
    head = rf" & Claim & {escape_latex(claims.column)} & Why \\"
    numbers = {claim.id: place for place, claim in enumerate(claims.claims, 1)}
    lines = [
        r"{\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{{_COLUMNS}}}",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{tab:{study}-claims}} \\",
        *continued_head(head),
    ]
    for place, (part, group) in enumerate(claims.parts.items()):
        lines += [r"\addlinespace"] if place else []
        lines.append(rf"\multicolumn{{4}}{{@{{}}l}}{{\bfseries {escape_latex(part)}}} \\*")
        for claim in group:
            number = claim_number(numbers[claim.id])
            lines += [r"\addlinespace[5pt]", *_rows(claim, claims.words(claim), number, evidence(claim), study)]
    return "\n".join([*lines, r"\end{longtable}}", ""])


def claim_number(place: int) -> str:
    """Return how the report calls the claim at `place`, counted from 1."""
    return f"C{place}"


def claim_anchor(study: str, claim: Claim) -> str:
    """Return the name by which a claim's row is linked."""
    return f"claim-{study}-{claim.id.removeprefix('c.').replace('_', '-')}"


def _rows(claim: Claim, verdict: str, number: str, evidence: str, study: str) -> Iterator[str]:
    small = " ".join(filter(None, [_prose(claim.compared), escape_latex(_stop(claim.source)), evidence]))
    why = [_prose(claim.reason), rf"\scriptsize {_prose(claim.rule)}" if claim.rule else ""]
    cells = [
        # Outside of the report, whose preamble loads hyperref, there is nothing to link to.
        rf"\ifdefined\hypertarget\hypertarget{{{claim_anchor(study, claim)}}}{{{number}}}\else {number}\fi",
        rf"{_prose(claim.statement)}\par\scriptsize {small}",
        escape_latex(verdict),
        r"\par".join(filter(None, why)),  # a cell ends what is small in it
    ]
    yield " & ".join(cells) + (r" \\*" if claim.numbers else r" \\")
    for first in range(0, len(claim.numbers), _NUMBERS_A_ROW):
        text = "; ".join(map(_number, claim.numbers[first : first + _NUMBERS_A_ROW]))
        yield rf" & \multicolumn{{3}}{{{_ACROSS}@{{}}}}{{\scriptsize {text}}} \\"


def _number(number: Measured) -> str:
    interval = f" [{number.interval}]" if number.interval else ""
    value = "not measured" if number.value is None else number.value
    return f"{escape_latex(number.name)}~\\mbox{{{escape_latex(value)}{escape_latex(interval)}}}"


def _prose(text: str) -> str:
    """Return a sentence, a minus before a number printed as such."""
    return escape_latex(re.sub(r"(?<![\w.)])-(?=\d)", "\N{MINUS SIGN}", text))


def _stop(text: str) -> str:
    return text if text.endswith(".") or not text else f"{text}."
