"""The page of the scorecard: published numbers beside ours and the claims of all studies, with counts."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.errors import made_here
from workflow_scripts.report.claims import MARKS, Claims, said_of
from workflow_scripts.report.fragments import MISSING
from workflow_scripts.report.site import TEMPLATES, Addition, Site
from workflow_scripts.studies.scorecard import COLUMNS, DIFFERS, MATCH, NOT_COMPARABLE, NOT_RUN, VERDICTS, counts

PAGE, SCRIPT, STYLE = "scorecard.html", "scorecard.js", "scorecard.css"
# Verdict -> (word for style sheets, sign): told apart by sign and words, not by the colour alone.
SIGNS = {
    MATCH: ("match", "\N{CHECK MARK}"),
    DIFFERS: ("differs", "\N{NOT EQUAL TO}"),
    NOT_COMPARABLE: ("apart", "\N{EN DASH}"),
    NOT_RUN: ("notrun", "\N{WHITE CIRCLE}"),
}
_SIGNIFICANT, _DECIMALS = 4, 3


@dataclass(frozen=True)
class ShownNumber:
    """A row of the scorecard as text; `sort` are the numbers that its columns are sorted by, "" for none."""

    id: str
    source: str
    model: str
    stands: str
    measured: str
    where: str
    published: str
    ours: str
    interval: str
    n: str
    difference: str
    tolerance: str
    verdict: str
    kind: str
    sign: str
    reason: str
    sort: dict[str, str]


@dataclass(frozen=True)
class ShownTable:
    """The numbers of a published table, with how many there are of each verdict; `open` where some were compared."""

    title: str
    numbers: tuple[ShownNumber, ...]
    counts: dict[str, int]

    @property
    def said(self) -> str:
        """Return the counts that are not 0, in words."""
        words = {MATCH: ("matches", "match"), DIFFERS: ("differs", "differ")}
        return ", ".join(f"{n} {words.get(verdict, (verdict,) * 2)[n > 1]}" for verdict, n in self.counts.items() if n)

    @property
    def open(self) -> bool:
        """Return whether a number of it was compared."""
        return bool(self.counts[MATCH] or self.counts[DIFFERS])


@dataclass(frozen=True)
class ShownStudy:
    """A study on the page: its published tables and its claims."""

    id: str
    title: str
    tables: tuple[ShownTable, ...]
    counts: dict[str, int]
    claims: Claims | None

    @property
    def outcomes(self) -> dict[str, int]:
        """Return how many claims have which outcome."""
        said = [claim.outcome for claim in self.claims.claims] if self.claims else []
        return {outcome: said.count(outcome) for outcome in MARKS}


def read_scorecard(path: str | Path) -> pd.DataFrame:
    """Return the scorecard at `path`, .parquet.

    Raises:
        AtlasError: it is none.
    """
    try:
        card = pq.read_table(path).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise made_here(path, "a scorecard", error) from None
    if list(card.columns) != list(COLUMNS) or not set(card["verdict"]) <= set(VERDICTS):
        raise made_here(path, "a scorecard", "it has other columns or verdicts")
    return card.astype(COLUMNS)


def scorecard_page(path: Path, studies: Iterable[tuple[str, str, Claims | None]]) -> Addition:
    """Return the page of a scorecard, which the report adds, with its files and the numbers as .csv.

    Args:
        path: all published numbers, .parquet.
        studies: id, title and claims of each study, in order.
    """

    def write(site: Site) -> None:
        card = read_scorecard(path)
        card.to_csv(site.folder / "assets" / "scorecard.csv", index=False)
        for name in (STYLE, SCRIPT):
            shutil.copyfile(TEMPLATES / name, site.folder / "assets" / name)
        site.write("scorecard.html.j2", PAGE, **shown(card, studies))

    return Addition(PAGE, "Scorecard", write)


def shown(card: pd.DataFrame, studies: Iterable[tuple[str, str, Claims | None]]) -> dict[str, Any]:
    """Return what the page shows, by the names of its template.

    Args:
        card: all published numbers, as `read_scorecard` returns them.
        studies: id, title and claims of each study, in order.
    """
    studies = list(studies)
    demo = any(claims.demo for _, _, claims in studies if claims)
    most = card.loc[card["unit"] == "share", "tolerance"].max()
    return {
        "studies": [_study(name, title, card[card["study"] == name], claims) for name, title, claims in studies],
        "total": counts(card["verdict"]),
        "most": "" if pd.isna(most) else f"{most:g}",
        "signs": SIGNS,
        "outcomes": {outcome: said_of(outcome, demo) for outcome in MARKS},
        "style": STYLE,
        "script": SCRIPT,
    }


def _study(name: str, title: str, card: pd.DataFrame, claims: Claims | None) -> ShownStudy:
    tables = tuple(_table(str(key), rows) for key, rows in card.groupby("table", sort=False))
    return ShownStudy(name, title, tables, counts(card["verdict"]), claims)


def _table(key: str, rows: pd.DataFrame) -> ShownTable:
    sources = list(dict.fromkeys(rows["source"]))
    title = sources[0] if len(sources) == 1 else (f"Table {key}" if key[:1].isdigit() else key[:1].upper() + key[1:])
    return ShownTable(title, tuple(_number(row) for row in rows.to_dict("records")), counts(rows["verdict"]))


def _number(row: dict[str, Any]) -> ShownNumber:
    unit, kind = row["unit"], SIGNS[row["verdict"]]
    ends = [row["ci_low"], row["ci_high"]]
    layer = {"": "", "last": "last layer", "best": "best layer"}.get(row["layer"], f"layer {row['layer']}")
    interval = "" if any(map(pd.isna, ends)) else " to ".join(spelled(end, unit) for end in ends)
    return ShownNumber(
        id=row["id"],
        source=row["source"],
        model=" ".join(_parts(row, "method", "architecture")),
        stands=row["model"],
        measured=", ".join([*_parts(row, "metric", "facet", "setting"), *([layer] if row["metric"] and layer else [])]),
        where=", ".join(_parts(row, "analysis", "dataset")),
        published=spelled(row["published"], unit) + ("" if unit in ("", "share", "count", "1") else f" {unit}"),
        ours=spelled(row["ours"], unit),
        interval=interval,
        n="" if pd.isna(row["n"]) else f"{row['n']:,}",
        difference=spelled(row["difference"], unit, sign=True),
        tolerance=spelled(row["tolerance"], unit, 5) if row["verdict"] in (MATCH, DIFFERS) else "",
        verdict=row["verdict"],
        kind=kind[0],
        sign=kind[1],
        reason=row["reason"],
        sort={key: "" if pd.isna(row[key]) else f"{row[key]:.10g}" for key in ("published", "ours", "difference")},
    )


def _parts(row: dict[str, Any], *keys: str) -> Sequence[str]:
    return [row[key] for key in keys if row[key]]


def spelled(value: float, unit: str, decimals: int = _DECIMALS, sign: bool = False) -> str:
    """Return a number for reading: shares with three decimals, counts whole, others with four digits; a dash for none."""
    if pd.isna(value):
        return MISSING
    plus = "+" if sign else ""
    if unit == "count":
        text = f"{value:{plus},.0f}"
    elif unit in ("share", "R2"):
        text = f"{value:{plus}.{decimals}f}"
        text = text.rstrip("0") if decimals > _DECIMALS else text
    else:
        text = f"{value:{plus}.{_SIGNIFICANT}g}"
    if not text.strip("+-0.,"):  # rounded to nothing
        text = text.lstrip("+-")
    return text.replace("-", "\N{MINUS SIGN}")
