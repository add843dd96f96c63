"""What histograms show: the middle of what each model has, by kind and from layer to layer, and what lies above a cutoff."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_scripts.report.compared import MODEL, Models
from workflow_scripts.report.words import in_percent, in_words, listed, plural, roughly, spoken

_FROM, _TO, _NORMED = "_from", "_to", "_normed"
_KIND = ["setting", "facet"]
_FEW = 3  # models that are named; of more the number is said
_MOST_KINDS = 2  # that are told apart between models


def of_histograms(frame: pd.DataFrame, models: Models) -> str:
    """Return what bins (``x_from``, ``x_to``) with a `count` of what is in them show; empty if a frame has no such."""
    measure = next((c.removesuffix(_FROM) for c in frame if c.endswith(_FROM) and c.removesuffix(_FROM) + _TO in frame), None)
    if measure is None or not {MODEL, "count"} <= set(frame.columns):
        return ""
    rows = models.of(frame.dropna(subset=[measure + _FROM, measure + _TO, "count"]))
    rows = rows[rows["count"] > 0]
    if rows.empty:
        return ""
    rows = rows.assign(
        facet=rows["facet"].astype(object).fillna("") if "facet" in rows else "",
        setting=rows["setting"].astype(object).fillna("") if "setting" in rows else "",
        layer=rows.get("layer", np.nan),
        middle=_middles(rows[measure + _FROM], rows[measure + _TO]),
    )
    last = rows[rows["layer"].isna() | (rows["layer"] == rows.groupby(MODEL)["layer"].transform("max"))]
    said = [f"Median {in_words(measure)}{_layer(last)} of {_compared(last, models)}."]
    if rows["layer"].nunique() > 1 and len(rows.groupby(_KIND)) == 1:
        said.append(_course(rows, models))
    if "share_above" in last:
        said.append(_above(last, models))
    return " ".join(filter(None, said))


def _layer(rows: pd.DataFrame) -> str:
    layers = rows["layer"].dropna().unique()
    return f" in layer {int(layers[0])}" if len(layers) == 1 else " in each model's deepest layer" if len(layers) else ""


def _compared(rows: pd.DataFrame, models: Models) -> str:
    """Return the medians of rows of one layer: kind by kind between models, or of the kinds that one model has."""
    said = spoken if "median" in rows else roughly
    medians = rows.groupby([MODEL, *_KIND], sort=False)[list(rows.columns)].apply(_median).rename("median").reset_index()
    medians["kind"] = [_kind(setting, facet, rows) for setting, facet in zip(medians["setting"], medians["facet"], strict=True)]
    kinds = list(dict.fromkeys(medians["kind"]))
    if rows[MODEL].nunique() == 1 and len(kinds) > 1:
        named = [f"{row['kind']} ({said(row['median'])})" for _, row in medians.iterrows()]
        return f"{models.whose(rows)}: {listed(named)}"
    told = kinds if len(kinds) <= _MOST_KINDS else kinds[:1]
    parts = [f"{kind}: {models.compare(medians[medians['kind'] == kind].set_index(MODEL)['median'], said)}" for kind in told]
    if len(told) < len(kinds):
        others = medians[medians["kind"] != kinds[0]].set_index([MODEL, "kind"])["median"]
        parts.append(f"other kinds: {models.compare(others, said)}")
    return ". Of ".join(parts)


def _course(rows: pd.DataFrame, models: Models) -> str:
    """Return how the medians of the model that ends highest go from the first to the last layer."""
    own = models.trained(rows)
    medians = own.groupby([MODEL, "layer"])[list(own.columns)].apply(_median).reset_index(name="median")
    ends = medians.groupby(MODEL)["median"].last()
    course = medians[medians[MODEL] == ends.idxmax()]
    if len(course) < 2:
        return ""
    first, last = course.iloc[0], course.iloc[-1]
    highest = course.loc[course["median"].idxmax()]
    text = f"In {models.names[first[MODEL]]} it is {roughly(first['median'])} in layer {int(first['layer'])}"
    if roughly(highest["median"]) not in (roughly(first["median"]), roughly(last["median"])):
        text += f", at most {roughly(highest['median'])} in layer {int(highest['layer'])}"
    return f"{text} and {roughly(last['median'])} in layer {int(last['layer'])}."


def _above(rows: pd.DataFrame, models: Models) -> str:
    """Return which models have anything above their cutoff."""
    shares = rows.dropna(subset=["share_above"]).drop_duplicates([MODEL, *_KIND])
    if shares.empty:
        return ""
    some, number = shares[shares["share_above"] > 0], shares[MODEL].nunique()
    if some.empty:
        kinds = {_tokens(setting, facet) for setting, facet in zip(shares["setting"], shares["facet"], strict=True)}
        what = f"No {kinds.pop()}" if len(kinds) == 1 else "None"
        return f"{what} are above a cutoff{' in any model' if number > 1 else ''}."
    parts = []
    for key, own in some.groupby(_KIND, sort=False):
        of = f" {_kind(*key, shares)}," if len(shares.groupby(_KIND)) > 1 else ""
        own = own.sort_values("share_above", ascending=False, kind="stable")
        named = [f"{in_percent(row['share_above'])}{_cutoff(row)} in {models.names[row[MODEL]]}" for _, row in own.iterrows()]
        parts.append(f"{of} {listed(named) if len(named) <= _FEW else f'{len(named)} of {number} models, most {named[0]}'}")
    return f"Above a cutoff:{';'.join(parts)}."


def _cutoff(row: pd.Series) -> str:
    return f" above {spoken(row['cutoff'])}" if pd.notna(row.get("cutoff")) else ""


def _kind(setting: str, facet: str, rows: pd.DataFrame) -> str:
    """Return what is counted: ``patch tokens``, and whether before or after the final norm as far as facets tell."""
    base, text = facet.removesuffix(_NORMED), _tokens(setting, facet)
    if facet.endswith(_NORMED):
        return f"{text} after the final norm"
    return f"{text} before the final norm" if base + _NORMED in set(rows["facet"]) else text


def _tokens(setting: str, facet: str) -> str:
    if setting[-1:].isdigit():  # one of its kind, by number
        return in_words(setting)
    things = plural(facet.removesuffix(_NORMED)) if facet else "values"
    return f"{in_words(setting)} {things}" if setting else things


def _middles(low: pd.Series, high: pd.Series) -> pd.Series:
    """Return the middles of bins, geometric where no end is at or below zero."""
    return np.sqrt(low * high) if (low > 0).all() else (low + high) / 2


def _median(rows: pd.DataFrame) -> float:
    """Return the median of what is counted: as the frame has it, else the middle of its bin."""
    if "median" in rows and rows["median"].notna().any():
        return float(rows["median"].dropna().iloc[0])
    rows = rows.sort_values("middle")
    total = rows["count"].cumsum()
    return float(rows["middle"].iloc[int(np.searchsorted(total, total.iloc[-1] / 2))])
