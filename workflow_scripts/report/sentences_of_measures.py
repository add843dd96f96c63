"""What a measure shows that has a column of its own, such as ``f1``, and what values by class or by rank do."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workflow_scripts.report.compared import HIGHEST_FIRST, LOWEST_FIRST, MODEL, Models, Order, splitting
from workflow_scripts.report.words import counted, in_words, listed, plural, spoken

_RULES = ("rule", "setting", "facet")
_CONCEPT = ("category", "concept")


@dataclass(frozen=True)
class _Measure:
    """A measure that tables have by name.

    Attributes:
        words: what it is called.
        of: columns that tell apart what it was measured of.
        things: what these are.
        within: value up to which it is called `right`, if there is such.
        right: what it then is.
        order: which end is said first.
    """

    words: str
    of: tuple[str, ...]
    things: str
    within: float | None = None
    right: str = ""
    order: Order = HIGHEST_FIRST


_MEASURES = {
    "accuracy": _Measure("Accuracy", ("image",), "images"),
    "f1": _Measure("F1", _CONCEPT, "concepts"),
    "iou": _Measure("IoU", (*_CONCEPT, "image"), "pictures"),
    "iou_in_image": _Measure("IoU in the image", (*_CONCEPT, "image"), "pictures"),
    "distance_over_radius": _Measure(
        "Distance of the place found from the true one, in radii of a right answer", ("pair",), "pairs",
        within=1, right="right answers", order=LOWEST_FIRST,
    ),
}  # fmt: skip
_OF_BANDS = {"noise_deviation": "Standard deviation of the noise"}  # of the data: whose rows they are says nothing
_RHO = "Spearman's \N{GREEK SMALL LETTER RHO} of the two scores"
_COUNTS = ("examples",)  # that a measure may grow with


def of_measures(frame: pd.DataFrame, models: Models) -> str:
    """Return what measures that are columns of a frame show; empty if it has none that is known."""
    said = [_of_measure(frame, column, measure, models) for column, measure in _MEASURES.items() if column in frame]
    return " ".join(filter(None, said))


def _of_measure(frame: pd.DataFrame, column: str, measure: _Measure, models: Models) -> str:
    if MODEL not in frame:
        return ""
    rows = models.of(frame.dropna(subset=[column]))
    of = [name for name in measure.of if name in rows]
    # A row may be one of several of the same thing, such as a class of an image that has one accuracy.
    rows = rows.drop_duplicates([c for c in (MODEL, *_RULES, "layer", *of) if c in rows])
    if rows.empty:
        return ""
    rules = splitting(rows, _RULES)
    places = splitting(rows, ["layer"], (MODEL, *rules))
    parts = []
    for key, own in rows.groupby(rules, sort=False, dropna=False) if rules else [((), rows)]:
        means = own.groupby([MODEL, *places], sort=False, dropna=False)[column].mean()
        rule = ", ".join(in_words(value) for value in key if pd.notna(value))
        parts.append(f"{rule} {models.compare(means, order=measure.order)}".strip())
    sizes = rows.groupby([MODEL, *rules, *places], dropna=False).size()
    number = f"{sizes.iloc[0]} " if sizes.nunique() == 1 else ""
    over = f" (mean over the {number}{measure.things} shown)" if sizes.max() > 1 else ""
    by = f" by {listed(rules)}" if rules else ""
    said = [f"{measure.words}{by}{over}: {'; '.join(parts)}.", _within(rows, column, measure, models)]
    said += [_growth(rows, column, count, measure, models) for count in _COUNTS if count in rows and not rules and not places]
    return " ".join(filter(None, said))


def _within(rows: pd.DataFrame, column: str, measure: _Measure, models: Models) -> str:
    """Return how many are right, models without training apart."""
    if measure.within is None:
        return ""

    def count(own: pd.DataFrame) -> str:
        return f"{int((own[column] <= measure.within).sum())} of {len(own)}"

    without = models.untrained(rows)
    apart = f"; without training {count(without)}" if len(without) else ""
    return f"{measure.right.capitalize()}: {count(models.trained(rows))}{apart}."


def _growth(rows: pd.DataFrame, column: str, count: str, measure: _Measure, models: Models) -> str:
    """Return how far a measure goes with a number of the same things, by the correlation of ranks."""
    rho = {model: spearman(own[column], own[count]) for model, own in rows.groupby(MODEL, sort=False)}
    text = models.compare(pd.Series(rho, dtype=float).rename_axis(MODEL))
    return f"Its rank correlation with the number of {in_words(count)}: {text}." if text else ""


def of_bands(frame: pd.DataFrame, models: Models) -> str:
    """Return what a measure of the data by band shows; empty if a frame has none."""
    column = next((name for name in _OF_BANDS if name in frame), None)
    if column is None or "band" not in frame:
        return ""
    means = frame.dropna(subset=[column, "band"]).groupby("band")[column].mean()
    if means.empty:
        return ""
    low, high = means.idxmin(), means.idxmax()
    if low == high:
        return f"{_OF_BANDS[column]}: {spoken(means[low])} in band {low}."
    return f"{_OF_BANDS[column]}: lowest in band {low} ({spoken(means[low])}), highest in band {high} ({spoken(means[high])})."


def of_correlations(frame: pd.DataFrame, models: Models) -> str:
    """Return how two scores (`across`, `up`) go together: their rank correlation `rho`, and that of each facet."""
    if not {MODEL, "rho"} <= set(frame.columns):
        return ""
    rows = models.of(frame.dropna(subset=["rho"]))
    if rows.empty:
        return ""
    points = counted(len(rows), "point")
    rhos = rows["rho"].unique()
    if len(rhos) > 1:
        return f"{_RHO}: from {spoken(rhos.min())} to {spoken(rhos.max())}."
    text = f"{_RHO}: {spoken(rhos[0])} over {points} of {models.whose(rows)}"
    if not {"across", "up"} <= set(rows.columns):
        return f"{text}."
    own = models.trained(rows)
    trained = spearman(own["across"], own["up"])
    if len(own) < len(rows) and pd.notna(trained):
        text += f" ({spoken(trained)} in those with training)"
    if "facet" in rows and rows["facet"].nunique() > 1:
        facets = {plural(facet): spearman(own["across"], own["up"]) for facet, own in rows.groupby("facet", sort=False)}
        known = [f"{facet} alone {spoken(value)}" for facet, value in facets.items() if pd.notna(value)]
        text += f"; {listed(known)}" if known else ""
    return f"{text}."


def spearman(one: pd.Series, other: pd.Series) -> float:
    """Return the correlation of ranks; NaN where either is the same everywhere."""
    both = pd.DataFrame({"one": one, "other": other}).dropna().rank()
    return float("nan") if (both.nunique() < 2).any() else float(both["one"].corr(both["other"]))


def of_values(frame: pd.DataFrame, models: Models) -> str:
    """Return what a `value` without a metric shows, by rank or by class; empty if a frame has no such."""
    if not {MODEL, "value"} <= set(frame.columns) or {"row", "column"} <= set(frame.columns):
        return ""
    rows = models.of(frame.dropna(subset=["value"]))
    if rows.empty:
        return ""
    if "rank" in rows and (rows["value"] >= 0).all():
        return _of_ranks(rows, models)
    thing = next((column for column in ("class", "concept", "band") if column in rows), None)
    values = rows.groupby([MODEL, *splitting(rows, _RULES), *filter(None, [thing])], sort=False)["value"].mean()
    text = f"{f'By {thing}' if thing else 'Value'}: {models.compare(values)}."
    if "ground_truth" in rows and thing:
        known = rows.dropna(subset=["ground_truth"])
        above = int((known["value"] > known["ground_truth"]).sum())
        text += f" Higher than in the ground truth: {above} of {counted(len(known), 'number')}." if len(known) else ""
    return text


def _of_ranks(rows: pd.DataFrame, models: Models) -> str:
    """Return by how much the largest of ranked values stands out."""
    values = rows.groupby(MODEL, sort=False)["value"]
    ratios = (values.max() / values.median())[values.median() > 0]
    if ratios.empty:
        return f"Largest value: {models.compare(values.max())}."
    sizes = values.size()
    number = f"{sizes.iloc[0]} " if sizes.nunique() == 1 else ""
    things = plural("feature") if "feature" in rows else "values"
    return f"Largest value over the median, of a model's {number}{things}: {models.compare(ratios)}."
