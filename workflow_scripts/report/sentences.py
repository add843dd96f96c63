"""What a run shows, in a sentence made from the numbers of a figure; and whether a figure shows anything of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.common.study import Score

NOTHING = "Nothing to draw: no model of this run has what this figure shows."
_MOST_SERIES = 2  # what is said of; more is named by its number
_SERIES = ("dataset", "metric", "facet", "setting")
_IDENTITY = (
    "part", "model", "other_model", "name", "dataset", "metric", "facet", "other_facet", "setting", "layer", "other_layer",
    "head", "kind", "image", "class", "cluster", "row", "column",
)  # fmt: skip


def spoken(value: float) -> str:
    """Return a number for reading, with two or three digits that count."""
    size = abs(value)
    if value == 0 or math.isnan(value):
        return "0" if value == 0 else "undefined"
    if size < 0.001 or size >= 1e6:
        digits, power = f"{value:.1e}".split("e")
        text = f"{digits} \N{MULTIPLICATION SIGN} 10^{int(power)}"
    elif size >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3f}" if size < 0.1 else f"{value:.2f}"
    return text.replace("-", "\N{MINUS SIGN}")


def with_interval(value: float, low: float, high: float) -> str:
    """Return a number with its 95 % interval, if it has one: ``0.53, 95 % interval 0.51 to 0.55``."""
    if pd.isna(low) or pd.isna(high):
        return spoken(value)
    return f"{spoken(value)}, 95 % interval {spoken(low)} to {spoken(high)}"


def listed(words: Sequence[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def counted(number: int, one: str, more: str = "") -> str:
    """Return ``1 model`` or ``2 models``."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def shown_by(frame: pd.DataFrame, names: Mapping[str, str], labels: Mapping[tuple[str, str, str], str]) -> str:
    """Return a sentence of what the numbers of a figure show.

    Args:
        frame: the figure's numbers, as in its CSV.
        names: display name by id of the run's models.
        labels: what figures call a metric, by metric, facet and setting; those of one metric under ``(metric, "", "")``.
    """
    if frame.empty:
        return NOTHING
    columns = set(frame.columns)
    if {"model", "metric", "value"} <= columns:
        rows = frame[frame["value"].notna() & frame["metric"].notna()]
        if "other_model" in columns and rows["other_model"].notna().all():
            return _of_pairs(rows, names)
        rows = rows[rows["other_model"].isna()] if "other_model" in columns else rows
        rows = rows[rows["model"].isin(names)]
        if not rows.empty:
            return _of_series(rows, names, labels)
    if {"kind", "share"} <= columns:
        return _of_kinds(frame)
    if {"row", "column", "value"} <= columns:
        return _of_maps(frame, names)
    return _of_what_there_is(frame, names)


def label_of(labels: Mapping[tuple[str, str, str], str], metric: str, facet: str = "", setting: str = "") -> str:
    """Return what a metric is called: as in figures, or by its name in the tables."""
    return labels.get((metric, facet, setting)) or labels.get((metric, "", "")) or metric.replace("_", " ")


def score_labels(scores: Mapping[str, Score]) -> dict[tuple[str, str, str], str]:
    """Return the labels of a study's scores as `shown_by` wants them."""
    found: dict[tuple[str, str, str], str] = {}
    for score in scores.values():
        label = " ".join(score.label.split())
        found.setdefault((score.metric, "", ""), label)
        found[score.metric, score.facet, score.setting] = label
    return found


def repeats(frames: Mapping[str, pd.DataFrame | None]) -> dict[str, str]:
    """Return the figures whose every number stands in one figure before them, with the name of that figure.

    Args:
        frames: the numbers of each figure, in order; None where they are not known.
    """
    found: dict[str, str] = {}
    seen: dict[str, tuple[list[str], set[tuple]]] = {}
    for name, frame in frames.items():
        if frame is None or frame.empty or "value" not in frame or "model" not in frame:
            continue
        key = [column for column in _IDENTITY if column in frame]
        numbers = {tuple(row) for row in frame[[*key, "value"]].fillna("").itertuples(index=False)}
        for earlier, (other_key, other) in seen.items():
            if key == other_key and numbers <= other:
                found[name] = earlier
                break
        else:
            seen[name] = (key, numbers)
    return found


def _of_series(rows: pd.DataFrame, names: Mapping[str, str], labels: Mapping[tuple[str, str, str], str]) -> str:
    keys = [column for column in _SERIES if column in rows]
    groups = list(rows.fillna(dict.fromkeys(keys, "")).groupby(keys, sort=False))
    several = {column: rows[column].nunique() > 1 for column in keys}
    said = [_of_one(dict(zip(keys, key, strict=True)), own, several, names, labels) for key, own in groups[:_MOST_SERIES]]
    if len(groups) > _MOST_SERIES:
        said.append(f"The figure shows {len(groups) - _MOST_SERIES} more such comparisons.")
    return " ".join(said)


def _of_one(
    key: Mapping[str, str],
    rows: pd.DataFrame,
    several: Mapping[str, bool],
    names: Mapping[str, str],
    labels: Mapping[tuple[str, str, str], str],
) -> str:
    label = label_of(labels, key["metric"], key.get("facet", ""), key.get("setting", ""))
    about = [str(key[column]) for column in ("facet", "setting", "dataset") if several.get(column) and key[column]]
    what = f"{label} ({', '.join(about).replace('_', ' ')})" if about else label
    what = what[:1].upper() + what[1:]
    best = rows.loc[rows.groupby("model", sort=False)["value"].idxmax()].sort_values("value", ascending=False, kind="stable")
    first = best.iloc[0]
    if len(best) == 1:
        least = rows.loc[rows["value"].idxmin()]
        if least["value"] == first["value"]:
            return f"{what}: {names[first['model']]} {_value(first)}."
        return f"{what}: in {names[first['model']]} from {spoken(least['value'])}{_where(least)} to {_value(first)}{_where(first)}."
    last, second = best.iloc[-1], best.iloc[1]
    if last["value"] == first["value"]:
        return f"{what}: {spoken(first['value'])} in all of {counted(len(best), 'model')}."
    text = f"{what}: highest in {names[first['model']]}{_where(first)} ({_value(first)})"
    if _overlap(first, second):
        text += f", within the interval of {names[second['model']]} ({spoken(second['value'])})"
    peak = " at its best" if rows.groupby("model").size().max() > 1 else ""
    return f"{text}; lowest{peak} in {names[last['model']]} ({spoken(last['value'])})."


def _of_pairs(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = rows[rows["model"].isin(names) & rows["other_model"].isin(names)]
    one = ["model", "layer", "facet"]
    same = pd.Series(True, index=rows.index)
    for column in one:
        if column in rows and f"other_{column}" in rows:
            same &= rows[column].astype(str) == rows[f"other_{column}"].astype(str)
    rows = rows[~same]
    if rows.empty:
        return NOTHING
    within = (rows["model"] == rows["other_model"]).all()
    high, low = rows.loc[rows["value"].idxmax()], rows.loc[rows["value"].idxmin()]

    def pair(row: pd.Series) -> str:
        layers = f"layers {row['layer']} and {row['other_layer']}" if "layer" in row and "other_layer" in row else "two layers"
        if within:
            return f"{layers} of {names[row['model']]} ({spoken(row['value'])})"
        return f"{names[row['model']]} and {names[row['other_model']]} ({spoken(row['value'])})"

    return f"Most alike: {pair(high)}; least alike: {pair(low)}; {counted(len(rows), 'pair')} in all."


def _of_kinds(frame: pd.DataFrame) -> str:
    shares = frame.groupby("kind", sort=False)["share"].mean().sort_values(ascending=False)
    shares = shares[shares > 0]
    said = [f"{str(kind).replace('_', ' ')} ({100 * share:.0f} %)" for kind, share in shares.items() if share >= 0.005]
    return f"Averaged over layers and models, kinds are, by share: {listed(said)}."


def _of_maps(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    rows = frame[frame["row"].notna()]
    keys = [column for column in ("model", "image", "layer", "head", "query", "key") if column in rows]
    maps = rows.groupby(keys, sort=False, dropna=False)["value"]
    text = counted(len(maps), "map")
    if "model" in rows:
        text += f" of {counted(rows['model'].nunique(), 'model')}"
    if (rows["value"] < 0).any() or not {"layer", "head"} <= set(rows.columns):
        return f"{text}; values from {spoken(rows['value'].min())} to {spoken(rows['value'].max())}."
    top = (maps.max() / maps.sum()).dropna()
    where = dict(zip(keys, top.idxmax(), strict=True))
    model = names.get(where.get("model", ""), where.get("model", ""))
    return (
        f"{text}. The most concentrated is that of {model}, layer {where['layer']}, head {where['head']}: "
        f"its brightest place holds {100 * top.max():.0f} % of the map; the median over maps is {100 * top.median():.1f} %."
    )


def _of_what_there_is(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    counts = []
    if "model" in frame:
        models = [name for name in dict.fromkeys(frame["model"]) if name in names]
        counts.append(counted(len(models), "model") if len(models) > 3 else listed([names[model] for model in models]))
    counts += [
        counted(int(frame[column].nunique()), word)
        for column, word in (("image", "image"), ("concept", "concept"), ("layer", "layer"))
        if column in frame and frame[column].nunique()
    ]
    return f"Shown: {listed([word for word in counts if word])}." if any(counts) else f"{counted(len(frame), 'number')}."


def _value(row: pd.Series) -> str:
    return with_interval(row["value"], row.get("ci_low", math.nan), row.get("ci_high", math.nan))


def _where(row: pd.Series) -> str:
    layer = row.get("layer")
    return "" if layer is None or pd.isna(layer) else f", layer {int(layer)}"


def _overlap(first: pd.Series, second: pd.Series) -> bool:
    low, high = first.get("ci_low", math.nan), second.get("ci_high", math.nan)
    return bool(pd.notna(low) and pd.notna(high) and low <= high)
