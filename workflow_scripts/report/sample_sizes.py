"""What the n of a figure's numbers counts, and what their intervals are over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.common.study import Analysis, Count, Figure, Study
from workflow_scripts.report.words import in_words, listed

_KEYS = ["metric", "facet", "setting"]
_MOST_NAMED = 3  # metrics that share a count; of more it is said how many there are


def sample_sizes(study: Study, figure: Figure, frame: pd.DataFrame | None) -> str:
    """Return what the numbers of a figure are measured of: "n = 320 queries; 95 % intervals over images.".

    Args:
        study: whose figure it is.
        figure: its description.
        frame: its numbers, as in its CSV; None where they are not known.

    Returns:
        One clause for all numbers, or one for each kind of thing that is counted. "" where the figure has no n, or the study
        does not say what it counts.
    """
    if frame is None or "n" not in frame:
        return ""
    rows = frame[pd.to_numeric(frame["n"], errors="coerce").notna()]
    rows = rows.assign(**{key: rows[key].fillna("").astype(str) if key in rows else "" for key in _KEYS})
    analyses = [study.analyses[name] for name in figure.analyses]
    of_scores = {
        (score.metric, score.facet, score.setting): study.analyses[score.analysis]
        for score in study.scores.values()
        if score.analysis in figure.analyses
    }
    found: dict[Count, list[pd.DataFrame]] = {}
    for (metric, facet, setting), own in rows.groupby(_KEYS, sort=False):
        count = _count(metric, facet, of_scores.get((metric, facet, setting)), analyses)
        if count:
            found.setdefault(count, []).append(own)
    said = {count: pd.concat(own) for count, own in found.items()}
    sizes = {count: _size(count, own, said) for count, own in said.items()}
    over = {count: count.over for count, own in said.items() if "ci_low" in own and own["ci_low"].notna().any()}
    if len(over) in (0, len(said)) and len(set(over.values())) <= 1:
        ending = "".join(f"; 95 % intervals over {things}" for things in set(over.values()))
        return f"n = {listed(list(sizes.values()))}{ending}." if said else ""
    intervals = {count: f", 95 % intervals over {things}" for count, things in over.items()}
    return "; ".join(f"n = {size}{intervals.get(count, '')}" for count, size in sizes.items()) + "."


def _count(metric: str, facet: str, analysis: Analysis | None, analyses: Sequence[Analysis]) -> Count | None:
    """Return what n counts: as the score's analysis says; else the one that names the metric; else if all say the same."""
    if analysis:
        return analysis.count(metric, facet)
    naming = [one for one in analyses if {metric, facet} & set(one.counts)] or analyses
    counts = {one.count(metric, facet) for one in naming}
    return counts.pop() if len(counts) == 1 else None


def _size(count: Count, rows: pd.DataFrame, every: Mapping[Count, pd.DataFrame]) -> str:
    least, most = int(rows["n"].min()), int(rows["n"].max())
    text = f"{most:,} {_of_one(count.n_of) if most == 1 else count.n_of}"
    if least < most:
        text = f"{least:,} to {text}"
    named = _named(rows, [own for other, own in every.items() if other != count])
    return f"{text} ({named})" if len(every) > 1 and named not in count.n_of else text


def _of_one(things: str) -> str:
    """Return "block of images" for "blocks of images"."""
    first, *rest = things.split(" ")
    return " ".join([first.removesuffix("s"), *rest])


def _named(rows: pd.DataFrame, others: Sequence[pd.DataFrame]) -> str:
    """Return the metrics of `rows`, or their facets where the metrics are those of other rows as well."""
    metrics = dict.fromkeys(rows["metric"])
    shared = any(set(metrics) & set(other["metric"]) for other in others)
    words = list(dict.fromkeys(in_words(one) for one in (rows["facet"] if shared else metrics) if one))
    return listed(words) if len(words) <= _MOST_NAMED else f"{len(words)} of its metrics"
