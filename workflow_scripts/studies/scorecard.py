"""Published numbers beside those of a run: match, differs, not comparable, not run.

One rule for all. A number of ours *matches* if it is no further from the published one than the tolerance: a tenth of the
published number, at most what the study's file states for its unit, at least half a unit of the last digit printed. It matches
as well if its interval reaches the published number, taken with its printed deviation or that half unit. Else it *differs*.

A model of the run stands for a published one if method and architecture agree, and the registers where the entry says them; of
several the first that has the number. Networks of the demo stand for none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_scripts.common.run_model import NOISE_LAYERS, RunModel
from workflow_scripts.studies.published import BEST, LAST, PublishedNumber

MATCH, DIFFERS, NOT_COMPARABLE, NOT_RUN = VERDICTS = ("match", "differs", "not comparable", "not run")
DEMO = "the demo world"
RELATIVE = 0.1  # of the published number: what a match may differ by, where its unit states no less
COLUMNS = {
    **dict.fromkeys(("study", "table", "id", "analysis", "dataset", "method", "architecture", "model", "layer"), "string"),
    **dict.fromkeys(("facet", "metric", "setting", "unit"), "string"),
    **dict.fromkeys(("published", "ours", "ci_low", "ci_high"), "float64"),
    "n": "Int64",
    **dict.fromkeys(("difference", "tolerance"), "float64"),
    **dict.fromkeys(("verdict", "reason", "source"), "string"),
}
_TEXT = [name for name, kind in COLUMNS.items() if kind == "string"]


@dataclass(frozen=True)
class Ours:
    """A number of ours, in the unit of the published one; `layer` is the one it is of, None for several."""

    value: float
    low: float
    high: float
    n: int | None
    unit: str
    layer: int | None
    facet: str


@dataclass(frozen=True)
class Found:
    """What a run has beside a published number: the model that stands for its model, our number, or why there is none."""

    model: str = ""
    ours: Ours | None = None
    verdict: str = ""
    reason: str = ""


class Run:
    """The models of a run and what was measured of them.

    Args:
        models: in the order of the run.
        table: rows of all analyses of single models, in the table contract; those of other models are left out.
        sizes: (study, analysis) -> which size differs from the study's protocol, in words.
    """

    def __init__(
        self, models: Sequence[RunModel], table: pd.DataFrame, sizes: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        self.models, self.sizes = tuple(models), sizes or {}
        self.demo = any(model.demo for model in models) and all(model.demo or model.random for model in models)
        own = table[table["model"].isin([model.id for model in models])]
        self.foreign = tuple(dict.fromkeys(table.loc[~table["model"].isin(own["model"]), "model"].dropna()))
        texts = ["study", "analysis", "dataset", "facet", "metric", "setting", "unit", "head"]
        own = own.assign(**{name: own[name].fillna("").astype(object) for name in texts})
        own = own[own["head"] == ""]
        self._rows = dict(iter(own.groupby(["study", "analysis", "model"], sort=False)))

    def beside(self, number: PublishedNumber) -> Found:
        """Return what this run has beside a published number."""
        if not number.analysis:
            return Found()
        alike = [model for model in self.models if _stands_for(model, number)]
        tried = [self._of(model, number) for model in alike if not model.demo]
        for found in tried:
            if found.ours is not None:
                return found
        elsewhere = [found for found in tried if found.verdict == NOT_COMPARABLE]
        demo = [model for model in self.models if model.demo and model.method == number.method]
        if self.demo or (demo and not tried):
            return Found(verdict=NOT_COMPARABLE, reason=DEMO)
        if tried:
            return (elsewhere or tried)[0]
        name = " ".join(part for part in (number.method, number.architecture) if part)
        patch = f" of patch {number.patch}" if number.patch else ""
        return Found(verdict=NOT_RUN, reason=f"no {name or 'model'}{patch} in this run")

    def _of(self, model: RunModel, number: PublishedNumber) -> Found:
        rows = self._rows.get((number.study, number.analysis, model.id))
        if rows is None:
            return Found(model.id, verdict=NOT_RUN, reason=f"{number.analysis} was not run of {model.display_name}")
        there = rows[rows["dataset"] == number.dataset] if number.dataset else rows
        if there.empty:
            datasets = ", ".join(dict.fromkeys(rows["dataset"]))
            return Found(model.id, verdict=NOT_COMPARABLE, reason=f"another dataset: {datasets}")
        ours = _chosen(there, model, number)
        if ours is None:
            asked = [
                number.metric,
                number.facet,
                number.setting,
                f"layer {number.layer}" if isinstance(number.layer, int) else "",
            ]
            reason = f"{number.analysis} of {model.display_name} has no {', '.join(part for part in asked if part)}"
            return Found(model.id, verdict=NOT_RUN, reason=reason)
        if ours.unit and number.unit and not number.counted and ours.unit != number.unit:
            return Found(model.id, ours, NOT_COMPARABLE, f"another unit: ours is {ours.unit}")
        if other := self.sizes.get((number.study, number.analysis)):
            return Found(model.id, ours, NOT_COMPARABLE, f"another resolution: {other}")
        return Found(model.id, ours)


def scorecard(numbers: Iterable[PublishedNumber], run: Run) -> pd.DataFrame:
    """Return a row for each published number, in their order, with ours beside it and the verdict; columns are `COLUMNS`."""
    frame = pd.DataFrame([_row(number, run.beside(number)) for number in numbers], columns=list(COLUMNS))
    frame[_TEXT] = frame[_TEXT].fillna("")
    return frame.astype(COLUMNS)


def tolerance_of(number: PublishedNumber) -> float:
    """Return by how much a match may differ from a published number."""
    tenth = RELATIVE * abs(number.value or 0)
    stated = tenth if number.tolerance is None else min(tenth, number.tolerance)
    return max(stated, number.precision)


def counts(verdicts: Iterable[str]) -> dict[str, int]:
    """Return how many there are of each verdict, all of `VERDICTS` named."""
    counted = Counter(verdicts)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def _row(number: PublishedNumber, found: Found) -> dict[str, object]:
    ours, value = found.ours, number.value
    row = {key: getattr(number, key) for key in ("study", "table", "id", "analysis", "dataset", "method", "architecture")}
    row |= {key: getattr(number, key) for key in ("metric", "setting", "unit", "source")}
    row |= {"model": found.model, "layer": str(number.layer) if number.metric else "", "facet": number.facet}
    row |= {"published": value, "tolerance": None if value is None or number.reason else tolerance_of(number)}
    if ours is not None:
        row |= {"ours": ours.value, "ci_low": ours.low, "ci_high": ours.high, "n": ours.n}
        row |= {"difference": None if value is None else ours.value - value}
    if number.reason:
        return row | {"verdict": NOT_COMPARABLE, "reason": number.reason}
    if found.verdict or ours is None or value is None:
        return row | {"verdict": found.verdict or NOT_COMPARABLE, "reason": found.reason or "no number of ours is like it"}
    verdict, why = _judge(number, ours)
    return row | {"verdict": verdict, "reason": "; ".join([why, *_choice(number, ours)])}


def _judge(number: PublishedNumber, ours: Ours) -> tuple[str, str]:
    """Return the verdict on two numbers that can be compared, and why."""
    difference, tolerance = ours.value - number.value, tolerance_of(number)
    reach = max(number.sd, number.precision)
    rounding = 1e-9 * max(1.0, abs(number.value))
    if abs(difference) <= tolerance + rounding:
        return MATCH, "within the tolerance"
    if ours.low - reach <= number.value <= ours.high + reach:  # of no interval both are NaN, and this is false
        return MATCH, "the interval reaches it"
    return DIFFERS, f"{abs(difference):.3g} {'above' if difference > 0 else 'below'}, tolerance {tolerance:.2g}"


def _choice(number: PublishedNumber, ours: Ours) -> list[str]:
    """Return what was chosen as the best, in words."""
    said = []
    if number.layer == BEST and ours.layer is not None:
        theirs = f", the study's {number.best_layer}" if number.best_layer not in (None, ours.layer) else ""
        said.append(f"best layer {ours.layer}{theirs}")
    if number.facet == BEST:
        said.append(f"best: {ours.facet}")
    return said


def _stands_for(model: RunModel, number: PublishedNumber) -> bool:
    return (
        number.method in ("", model.method)
        and number.architecture in ("", model.architecture)
        and (number.patch is None or model.patch == (number.patch, number.patch))
        and _has_registers(model, number)
    )


def _has_registers(model: RunModel, number: PublishedNumber) -> bool:
    has = max(model.prefix_tokens - 1, 0)
    return number.registers in (None, has > 0) and number.register_tokens in (None, has)


def _chosen(rows: pd.DataFrame, model: RunModel, number: PublishedNumber) -> Ours | None:
    """Return our number among the rows of an analysis of a model on the dataset; None if there is none."""
    facets = number.facets if number.facet == BEST else (number.facet,)
    by = number.best_by or number.metric
    layers = [(facet, _at_layer(rows, by, facet, model, number)) for facet in facets]
    ranked = [(ours.value, facet) for facet, ours in layers if ours is not None]
    if not ranked:
        return None
    return _at_layer(rows, number.metric, max(ranked, key=lambda one: one[0])[1], model, number)


def _at_layer(rows: pd.DataFrame, metric: str, facet: str, model: RunModel, number: PublishedNumber) -> Ours | None:
    chosen = (rows["metric"] == metric) & (rows["setting"] == number.setting)
    if facet:
        chosen &= rows["facet"] == facet
    own = rows[chosen & rows["value"].notna()].drop_duplicates("layer").sort_values("layer", kind="stable")
    if number.layer == BEST and model.random:
        first = own.head(NOISE_LAYERS)  # noise has no best layer
        return None if first.empty else _ours(first.iloc[0], number, value=float(first["value"].mean()))
    if number.layer == BEST:
        lower = bool((own["higher_is_better"] == False).any())  # noqa: E712, a column that may be empty
        place = own["value"].to_numpy(float)
        own = own.iloc[[int(place.argmin() if lower else place.argmax())]] if len(own) else own
    else:
        own = own[own["layer"] == (model.layers or own["layer"].max() if number.layer == LAST else number.layer)]
    return None if own.empty else _ours(own.iloc[0], number)


def _ours(row: pd.Series, number: PublishedNumber, value: float | None = None) -> Ours:
    """Return a row as a number in the unit of the published one; `value` is that of several layers, without an interval."""
    n = None if pd.isna(row["n"]) else int(row["n"])
    scale = n if number.counted and n is not None else 1
    ends = (np.nan, np.nan) if value is not None else (scale * float(row["ci_low"]), scale * float(row["ci_high"]))
    own = scale * float(row["value"]) if value is None else value
    layer = None if value is not None or pd.isna(row["layer"]) else int(row["layer"])
    return Ours(own, *ends, n, row["unit"], layer, row["facet"])
