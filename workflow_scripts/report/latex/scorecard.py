"""A study's published numbers beside ours, as a LaTeX table that goes over pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_scripts.common.errors import made_here
from workflow_scripts.report.fragments import MISSING
from workflow_scripts.report.latex.tables import continued_head, number_cell, number_column, stacked
from workflow_scripts.report.latex.text import escape_latex
from workflow_scripts.studies.scorecard import VERDICTS

_READ = ("study", "table", "id", "dataset", "method", "architecture", "layer", "facet", "metric", "setting", "unit")
_READ = (*_READ, "published", "ours", "ci_low", "ci_high", "difference", "verdict", "reason")
_TEXT = r">{{\raggedright\arraybackslash}}p{{{:g}\linewidth}}"


@dataclass(frozen=True)
class Scorecard:
    """The published numbers of a study: those with a number of ours beside them, and how many have which verdict and reason."""

    compared: tuple[Mapping[str, Any], ...]
    counts: Mapping[str, int]
    left: Mapping[tuple[str, str], int]

    @property
    def total(self) -> int:
        """Return how many numbers were published."""
        return sum(self.counts.values())


def read_scorecard(path: Path) -> dict[str, Scorecard]:
    """Return the scorecard of each study in the file.

    Raises:
        AtlasError: the file is no scorecard.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise made_here(path, "a scorecard", error) from None
    if missing := [name for name in _READ if name not in table]:
        raise made_here(path, "a scorecard", f"it has no column '{missing[0]}'")
    return {study: _scorecard(rows) for study, rows in table.groupby("study", sort=False)}


def scorecard_table(card: Scorecard, study: str) -> str:
    """Return the table of numbers that have one of ours beside them, "" if none has."""
    if not card.compared:
        return ""
    published, ours, difference = (
        [_text(row[key], signed=key == "difference") for row in card.compared] for key in ("published", "ours", "difference")
    )
    columns = [_TEXT.format(0.33), *(number_column(texts) or "r" for texts in (published, ours))]
    columns += ["l", number_column(difference) or "r", _TEXT.format(0.26)]
    heads = ["Of what", "{Published}", "{Ours}", "Interval", "{" + stacked("Differ- ence", 7, "c") + "}", "Verdict"]
    lines = [
        r"{\scriptsize\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{@{{}}{''.join(columns)}@{{}}}}",
        r"\caption{Published numbers beside ours.}",
        rf"\label{{tab:{study}-scorecard}} \\",
        *continued_head(" & ".join(heads) + r" \\"),
    ]
    table = None
    for row, *numbers in zip(card.compared, published, ours, difference, strict=True):
        if row["table"] != table:
            table = row["table"]
            lines += [r"\addlinespace", rf"\multicolumn{{6}}{{@{{}}l}}{{\bfseries {escape_latex(_named(str(table)))}}} \\*"]
        theirs, mine, gap = map(number_cell, numbers)
        cells = [escape_latex(_what(row)), theirs, mine, escape_latex(_interval(row)), gap, escape_latex(_verdict(row))]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\end{longtable}}", ""])


def _scorecard(rows: pd.DataFrame) -> Scorecard:
    counts = Counter(rows["verdict"])
    beside = rows["ours"].notna()
    left = Counter(zip(rows.loc[~beside, "verdict"], rows.loc[~beside, "reason"].fillna("").astype(str), strict=True))
    compared = tuple(rows[beside].to_dict("records"))
    return Scorecard(compared, {verdict: counts[verdict] for verdict in VERDICTS}, dict(left.most_common()))


def _what(row: Mapping[str, Any]) -> str:
    layer = _text(row["layer"])
    words = [row["method"], row["architecture"], row["metric"], row["facet"], row["dataset"], row["setting"], row["unit"]]
    named = [str(word) for word in words if isinstance(word, str) and word]
    return ", ".join([*named, *([f"layer {layer}"] if layer not in (MISSING, "") else [])])


def _verdict(row: Mapping[str, Any]) -> str:
    reason = row["reason"] if isinstance(row["reason"], str) else ""
    return f"{row['verdict']}: {reason}" if reason else row["verdict"]


def _interval(row: Mapping[str, Any]) -> str:
    ends = [_text(row[key]) for key in ("ci_low", "ci_high")]
    return "" if MISSING in ends else " to ".join(ends)


def _named(table: str) -> str:
    return f"Table {table}" if table[:1].isdigit() else table


def _text(value: Any, signed: bool = False) -> str:
    """Return a number as text of four digits, what is none as it is."""
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value):
        return MISSING
    return f"{value:{'+' if signed else ''}.4g}".replace("-", "\N{MINUS SIGN}")
