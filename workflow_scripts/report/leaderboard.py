"""Models by tasks: each model's best layer by every score of the studies that tells better from worse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from workflow_scripts.common.study import Score, Study
from workflow_scripts.common.table import of_score
from workflow_scripts.report.best_scores import best_rows
from workflow_scripts.report.measured import Measured
from workflow_scripts.report.words import counted, in_words, spoken, with_interval

_SPARK = (96, 22)  # pixels of a model's course over layers


@dataclass(frozen=True)
class Best:
    """A model's best number in a task.

    Attributes:
        value, low, high: with its 95 % interval, NaN where there is none.
        layer: where it is.
        what: token and setting, where the task is measured in several.
        rank: place among trained models, 0 for controls.
        last: the value of the last layer, of the same token and setting.
        course: points of a small curve over layers, "x,y x,y", in pixels of `_SPARK`.
        heat: 0 for the lowest of the task, 1 for the highest.
    """

    value: float
    low: float
    high: float
    layer: int
    what: str
    rank: int
    last: float
    course: str
    heat: float

    @property
    def text(self) -> str:
        """Return the value for reading."""
        return spoken(self.value)

    @property
    def interval(self) -> str:
        """Return the interval for reading, "" if there is none."""
        return "" if pd.isna(self.low) or pd.isna(self.high) else f"{spoken(self.low)} to {spoken(self.high)}"

    @property
    def last_text(self) -> str:
        """Return the last layer's value for reading."""
        return spoken(self.last)


@dataclass(frozen=True)
class Task:
    """A column: what is measured, of which study and on which dataset, and each model's best.

    Attributes:
        study, analysis: whose tables it is of.
        name: what figures call it.
        title: of the analysis.
        dataset: id.
        ranked: how many trained models it has.
        best: by model.
    """

    study: str
    analysis: str
    name: str
    title: str
    dataset: str
    ranked: int
    best: Mapping[str, Best]


def tasks(study: Study, measured: Measured, trained: Collection[str]) -> list[Task]:
    """Return the tasks of a study that its scores name and whose tables say that higher is better.

    Scores of one analysis with one label are one task in several tokens or settings: a model's best is over these as well.
    """
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in study.scores.values():
        groups.setdefault((score.analysis, " ".join(score.label.split())), []).append(score)
    found = []
    labels = [label for _, label in groups]
    for (analysis, label), scores in groups.items():
        table = measured.of(study.name, analysis)
        if table.empty:
            continue
        rows = pd.concat([_rows(table, score) for score in scores])
        if rows.empty or not rows["higher_is_better"].fillna(value=False).all():
            continue
        for dataset, own in rows.groupby("dataset", sort=False):
            best = _best_of(own.reset_index(drop=True), trained)
            ranked = sum(one.rank > 0 for one in best.values())
            title = study.analyses[analysis].title
            name = f"{label} ({title})" if labels.count(label) > 1 else label
            found.append(Task(study.name, analysis, name, title, str(dataset), ranked, best))
    return found


def leading(task: Task, names: Mapping[str, str]) -> str:
    """Return a sentence of who leads a task, and whether anybody is within its interval."""
    ranked = sorted((one.rank, model) for model, one in task.best.items() if one.rank and model in names)
    if not ranked:
        return ""
    first = task.best[ranked[0][1]]
    said = (
        f"{task.name}: {names[ranked[0][1]]} leads ({with_interval(first.value, first.low, first.high)}, layer {first.layer})"
    )
    if len(ranked) == 1:
        return f"{task.name}: {said.split(': ', 1)[1].replace(' leads', '', 1)}."
    near = [model for _, model in ranked[1:] if task.best[model].high >= first.low]
    said += f"; {counted(len(near), 'other trained model')} within the intervals" if near else ""
    controls = [model for model, one in task.best.items() if not one.rank and one.value >= first.value]
    above = " and ".join(names.get(model, model) for model in controls)
    return (
        f"{said}; {above}, without training, {'is' if len(controls) == 1 else 'are'} not below it." if controls else f"{said}."
    )


def headlines(study: Study, measured: Measured, trained: Collection[str]) -> list[Task]:
    """Return tasks of a study that names no scores: of each analysis the first metric that tells better from worse."""
    found = []
    for name, table in measured.of_study(study.name):
        good = table[table["higher_is_better"].fillna(value=False) & table["value"].notna()]
        if good.empty:
            continue
        metric, dataset = good["metric"].iloc[0], good["dataset"].iloc[0]
        rows = good[(good["metric"] == metric) & (good["dataset"] == dataset)].reset_index(drop=True)
        best = _best_of(rows, trained)
        title = study.analyses[name].title
        ranked = sum(one.rank > 0 for one in best.values())
        found.append(Task(study.name, name, f"{title}, {in_words(metric)}", title, str(dataset), ranked, best))
    return found


def _rows(table: pd.DataFrame, score: Score) -> pd.DataFrame:
    rows = of_score(table, score)
    return rows[(rows["head"] == score.head) & rows["value"].notna()]


def _best_of(rows: pd.DataFrame, trained: Collection[str]) -> dict[str, Best]:
    several = [column for column in ("facet", "setting") if rows[column].nunique() > 1]
    peaks = best_rows(rows, ("model",))
    order = peaks[peaks["model"].isin(list(trained))]["value"].sort_values(ascending=False).tolist()
    least, most = peaks["value"].min(), peaks["value"].max()
    found = {}
    for _, peak in peaks.iterrows():
        own = rows[(rows["model"] == peak["model"]) & (rows[["facet", "setting"]] == peak[["facet", "setting"]]).all(axis=1)]
        own = own.sort_values("layer")
        found[peak["model"]] = Best(
            value=float(peak["value"]),
            low=float(peak["ci_low"]),
            high=float(peak["ci_high"]),
            layer=0 if pd.isna(peak["layer"]) else int(peak["layer"]),
            what=", ".join(in_words(peak[column]) for column in several if peak[column]),
            rank=order.index(peak["value"]) + 1 if peak["model"] in trained else 0,
            last=float(own["value"].iloc[-1]),
            course=_course(own["value"].tolist(), rows["value"].min(), most),
            heat=0.0 if most == least else round(float((peak["value"] - least) / (most - least)), 2),
        )
    return found


def _course(values: Sequence[float], low: float, high: float) -> str:
    """Return the points of a curve through `values`, on the scale of all models."""
    if len(values) < 2 or high == low:
        return ""
    width, height = _SPARK
    step = (width - 4) / (len(values) - 1)
    return " ".join(
        f"{2 + place * step:.1f},{2 + (height - 4) * (1 - (value - low) / (high - low)):.1f}"
        for place, value in enumerate(values)
    )
