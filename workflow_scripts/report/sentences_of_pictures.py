"""What pictures show whose numbers are areas or places: classes and clusters, maps, and matrices of places."""

from __future__ import annotations

import pandas as pd

from workflow_scripts.report.compared import MODEL, Models, Order, splitting
from workflow_scripts.report.words import counted, in_percent, in_words, plural, spoken

TRUTH = "ground truth"
_MOST_FEWEST = Order("most", "fewest")
_MOST_LEAST = Order("most", "least")


def of_classes(frame: pd.DataFrame, models: Models) -> str:
    """Return what shares of classes, or clusters, of images show; empty if a frame has no such."""
    kind = next((column for column in ("class", "cluster") if column in frame), None)
    if kind is None or not {MODEL, "image", "share"} <= set(frame.columns):
        return ""
    shares = frame[frame["share"] > 0].dropna(subset=["image", kind])
    rows, truth = models.of(shares), shares[shares[MODEL] == TRUTH]
    if rows.empty:
        return ""
    places = [column for column in ("rule", "facet", "layer") if column in rows]
    rows = rows[rows["image"].isin(truth["image"])] if len(truth) else rows
    if rows.empty:
        return ""
    return _agreement(rows, truth, kind, places, models) if len(truth) else _numbers(rows, kind, places, models)


def _agreement(rows: pd.DataFrame, truth: pd.DataFrame, kind: str, places: list[str], models: Models) -> str:
    both = rows.merge(truth[["image", kind, "share"]], on=["image", kind], how="left", suffixes=("", "_true"))
    both["agree"] = both[["share", "share_true"]].fillna(0).min(axis=1)
    images = both.groupby([MODEL, *places, "image"], sort=False, dropna=False)["agree"].sum()
    means = images.groupby(level=[MODEL, *places], sort=False, dropna=False).mean()
    over = counted(int(rows["image"].nunique()), "image")
    over = f"mean over {over}" if rows["image"].nunique() > 1 else "one image"
    return (
        f"Areas of {plural(kind)} that agree with the ground truth's, by size alone and not by place ({over}): "
        f"{models.compare(means, in_percent, _MOST_LEAST)}."
    )


def _numbers(rows: pd.DataFrame, kind: str, places: list[str], models: Models) -> str:
    """Return how many classes an image has: by rule or facet where models have several, else between models and layers."""
    apart = splitting(rows, ["rule", "facet"])[:1]
    keys = [MODEL, *(place for place in places if place not in apart)]
    said = []
    for name, own in rows.groupby(apart[0], sort=False) if apart else [("", rows)]:
        numbers = own.groupby([*keys, "image"], sort=False, dropna=False)[kind].nunique()
        means = numbers.groupby(level=keys, sort=False, dropna=False).mean()
        text = models.compare(means, _number, _MOST_FEWEST)
        if len(means) == 1 and numbers.min() < numbers.max():
            text += f", from {numbers.min()} to {numbers.max()}"
        said.append(f"{in_words(name) if apart == ['rule'] else plural(name)} {text}" if name else text)
    things, by = plural(kind).capitalize(), f" by {apart[0]}" if apart else ""
    number = int(rows["image"].nunique())
    head = f"{things} in an image{by}, mean over {number}" if number > 1 else f"{things} in the image{by}"
    return f"{head}: {'; '.join(said)}."


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def of_maps(frame: pd.DataFrame, models: Models) -> str:
    """Return what maps (`row`, `column`, `value`) of models show by their ranges, and by what of them is above a cutoff."""
    rows = frame.dropna(subset=["row", "column", "value"])
    rows = models.of(rows) if MODEL in rows else rows
    if rows.empty:
        return ""
    maps = [column for column in (MODEL, "image", "layer", "head", "query", "key") if column in rows]
    text = counted(len(rows.groupby(maps, dropna=False)) if maps else 1, "map")
    ends = f"values from {spoken(rows['value'].min())} to {spoken(rows['value'].max())}"
    if MODEL not in rows or rows[MODEL].nunique() == 1:
        return f"{text}{f' of {models.whose(rows)}' if MODEL in rows else ''}; {ends}."
    largest = rows.groupby(MODEL, sort=False)["value"].max()
    text = f"{text} of {models.whose(rows)}; {ends}. Largest value by model: {models.compare(largest)}."
    return f"{text} {_marked(rows, models)}".strip()


def _marked(rows: pd.DataFrame, models: Models) -> str:
    if "above_cutoff" not in rows or rows["above_cutoff"].isna().any():
        return ""
    shares = rows["above_cutoff"].astype(bool).groupby(rows[MODEL], sort=False).mean()
    if not shares.any():
        return "No place is above a cutoff."
    return f"Places above a model's cutoff: {models.compare(shares, in_percent, _MOST_FEWEST)}."


def of_matrices(frame: pd.DataFrame, models: Models) -> str:
    """Return what marked places of matrices (`query`, `key`) show: their diagonals, and columns that are marked throughout."""
    if not {MODEL, "query", "key"} <= set(frame.columns) or "value" in frame:
        return ""
    rows = models.of(frame.dropna(subset=["query", "key"]))
    if rows.empty:
        return ""
    shown = str(rows["shown"].iloc[0]) if "shown" in rows else ""
    rows = rows[rows["shown"] == shown] if shown else rows
    diagonal, columns = {}, {}
    for model, own in rows.groupby(MODEL, sort=False):
        size = int(own[["query", "key"]].max().max())
        diagonal[model] = (own["query"] == own["key"]).sum() / size
        columns[model] = own["key"].value_counts().iloc[: max(1, size // 10)].sum() / len(own)
    said = [models.compare(pd.Series(shares).rename_axis(MODEL), in_percent) for shares in (diagonal, columns)]
    of = f" ({shown})" if shown else ""
    return (
        f"Queries whose own key is among the marked entries{of}: {said[0]}. "
        f"Share of marked entries in the tenth of keys that has most: {said[1]}."
    )
