"""What a run shows, in a sentence made from the numbers of a figure; and whether a figure shows anything of its own."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.study import Score
from workflow_scripts.report.compared import Models
from workflow_scripts.report.sentences_of_columns import of_columns
from workflow_scripts.report.sentences_of_pictures import of_maps
from workflow_scripts.report.words import counted, in_words, listed, spoken, with_interval

NOTHING = "Nothing to draw: no model of this run has what this figure shows."
_MOST_SERIES = 2  # what is said of; more is named by its number
_MOST_APART = 4  # kinds of one metric that are told apart; of more, the best is over all
_SERIES = ("dataset", "metric", "facet", "setting")
_IDENTITY = (
    "part", "model", "other_model", "name", "dataset", "metric", "facet", "other_facet", "setting", "layer", "other_layer",
    "head", "kind", "image", "class", "cluster", "row", "column",
)  # fmt: skip


def shown_by(
    frame: pd.DataFrame,
    names: Mapping[str, str],
    labels: Mapping[tuple[str, str, str], str],
    controls: Collection[str] = (),
) -> str:
    """Return a sentence of what the numbers of a figure show.

    Args:
        frame: the figure's numbers, as in its CSV.
        names: display name by id of the run's models.
        labels: what figures call a metric, by metric, facet and setting.
        controls: models without training, which are no part of the comparison.
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
            return _of_series(rows, names, labels, controls)
    if {"kind", "share"} <= columns:
        return _of_kinds(frame)
    if {"row", "column", "value"} <= columns:
        return _of_maps(frame, names, controls)
    if {"model", "array", "layer", "head", "maximum", "unit"} <= columns:
        return _of_kept_maps(frame, names)
    return of_columns(frame, names, controls)


def score_labels(scores: Mapping[str, Score]) -> dict[tuple[str, str, str], str]:
    """Return the labels of a study's scores as `shown_by` wants them; one that several share has the score's title with it."""
    labels = {name: " ".join(score.label.split()) for name, score in scores.items()}
    shared = {label for label in labels.values() if list(labels.values()).count(label) > 1}
    return {
        (score.metric, score.facet, score.setting): f"{labels[name]} ({score.title})"
        if labels[name] in shared
        else labels[name]
        for name, score in scores.items()
    }


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


def _of_series(
    rows: pd.DataFrame, names: Mapping[str, str], labels: Mapping[tuple[str, str, str], str], controls: Collection[str]
) -> str:
    keys = [column for column in _SERIES if column in rows]
    rows = rows.fillna(dict.fromkeys(keys, ""))
    apart = keys
    if len(rows.groupby(keys)) > _MOST_APART:
        apart = [column for column in keys if column in ("dataset", "metric")]
    groups = list(rows.groupby(apart, sort=False))
    said = [_of_one(own, keys, apart, rows, names, labels, controls) for _, own in groups[:_MOST_SERIES]]
    if len(groups) > _MOST_SERIES:
        said.append(f"{counted(len(groups) - _MOST_SERIES, 'more comparison')} of this kind in the figure.")
    return " ".join(said)


def _of_one(
    rows: pd.DataFrame,
    keys: Sequence[str],
    apart: Sequence[str],
    whole: pd.DataFrame,
    names: Mapping[str, str],
    labels: Mapping[tuple[str, str, str], str],
    controls: Collection[str],
) -> str:
    """Return what `rows` of one metric show; columns of `apart` are alike in all of them, of other `keys` they may differ."""
    head = rows.iloc[0]
    label = labels.get((head["metric"], head.get("facet", ""), head.get("setting", ""))) if keys == apart else None
    told = ["dataset"] if label else ["facet", "setting", "dataset"]
    about = [in_words(head[column]) for column in told if column in apart and whole[column].nunique() > 1 and head[column]]
    what = label or in_words(head["metric"])
    what = f"{what} ({', '.join(about)})" if about else what
    what = what[:1].upper() + what[1:] if what.split(" ")[0].isalpha() and what.split(" ")[0].islower() else what
    within = [column for column in ("facet", "setting") if column in keys and column not in apart]
    compared = rows[~rows["model"].isin(list(controls))]
    compared = rows if compared.empty else compared
    best = compared.loc[compared.groupby("model", sort=False)["value"].idxmax()]
    best = best.sort_values("value", ascending=False, kind="stable")
    first = best.iloc[0]
    if len(best) == 1:
        least = compared.loc[compared["value"].idxmin()]
        if least["value"] == first["value"]:
            text = f"{what}: {names[first['model']]} {_value(first)}"
        else:
            low = f"{spoken(least['value'])}{_where(least, within)}"
            text = f"{what}: in {names[first['model']]} from {low} to {_value(first)}{_where(first, within)}"
    elif best.iloc[-1]["value"] == first["value"]:
        text = f"{what}: {spoken(first['value'])} in all of {counted(len(best), 'model')}"
    else:
        last, second = best.iloc[-1], best.iloc[1]
        text = f"{what}: highest in {names[first['model']]}{_where(first, within)} ({_value(first)})"
        near = _overlap(first, second)
        if near:
            text += f", its interval reaching that of {names[second['model']]} ({spoken(second['value'])})"
        if not near or len(best) > 2:
            peak = " at its best" if compared.groupby("model").size().max() > 1 else ""
            text += f"; lowest{peak} in {names[last['model']]} ({spoken(last['value'])})"
    without = rows[rows["model"].isin(list(controls))]
    if len(without) and len(compared) < len(rows):
        most = without.loc[without["value"].idxmax()]
        text += f"; without training at most {spoken(most['value'])} ({names[most['model']]})"
    return f"{text}."


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
    layered = {"layer", "other_layer"} <= set(rows.columns)
    between = rows["model"] != rows["other_model"]
    if between.any():
        rows = rows[between]  # where models are compared, the layers of one say nothing
    apart = layered and (rows["layer"].nunique() > 1 or rows["other_layer"].nunique() > 1)

    def pair(row: pd.Series) -> str:
        one, other = names[row["model"]], names[row["other_model"]]
        if between.any():
            one, other = (f"layer {row['layer']} of {one}", f"layer {row['other_layer']} of {other}") if apart else (one, other)
            return f"{one} and {other} ({spoken(row['value'])})"
        layers = f"layers {row['layer']} and {row['other_layer']}" if layered else "two layers"
        if layered and row["layer"] == row["other_layer"] and {"facet", "other_facet"} <= set(rows.columns):
            layers = f"{in_words(row['facet'])} and {in_words(row['other_facet'])} of layer {row['layer']}"
        return f"{layers} of {one} ({spoken(row['value'])})"

    high, low = rows.loc[rows["value"].idxmax()], rows.loc[rows["value"].idxmin()]
    return f"Most alike: {pair(high)}; least alike: {pair(low)}; {counted(len(rows), 'pair')} in all."


def _of_kinds(frame: pd.DataFrame) -> str:
    shares = frame.groupby("kind", sort=False)["share"].mean().sort_values(ascending=False)
    shares = shares[shares > 0]
    said = [f"{in_words(kind)} ({100 * share:.0f} %)" for kind, share in shares.items() if share >= 0.005]
    return f"Averaged over layers and models, kinds are, by share: {listed(said)}."


def _of_maps(frame: pd.DataFrame, names: Mapping[str, str], controls: Collection[str]) -> str:
    rows = frame[frame["row"].notna()]
    if (rows["value"] < 0).any() or not {"layer", "head"} <= set(rows.columns):
        return of_maps(rows, Models(names, controls)) or of_columns(frame, names, controls)
    keys = [column for column in ("model", "image", "layer", "head", "query", "key") if column in rows]
    maps = rows.groupby(keys, sort=False, dropna=False)["value"]
    text = counted(len(maps), "map")
    if "model" in rows:
        text += f" of {counted(rows['model'].nunique(), 'model')}"
    top = (maps.max() / maps.sum()).dropna()
    where = dict(zip(keys, top.idxmax(), strict=True))
    model = names.get(where.get("model", ""), where.get("model", ""))
    return (
        f"{text}. The most concentrated is that of {model}, layer {where['layer']}, head {where['head']}: "
        f"its brightest place holds {100 * top.max():.0f} % of the map; the median over maps is {100 * top.median():.1f} %."
    )


def _of_kept_maps(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Return what maps show of which a figure's CSV has the ends of the range alone."""
    text = f"{counted(len(frame), 'map')} of {counted(frame['model'].nunique(), 'model')}"
    if not frame["unit"].str.startswith("share").all():
        return f"{text}; values from {spoken(frame['minimum'].min())} to {spoken(frame['maximum'].max())}."
    top = frame.loc[frame["maximum"].idxmax()]
    whose = f"{names.get(top['model'], top['model'])}, layer {int(top['layer'])}, head {int(top['head'])}"
    return (
        f"{text}. The brightest place is in that of {whose}: it has {100 * top['maximum']:.0f} % of the attention; "
        f"the median of the maps' brightest is {100 * frame['maximum'].median():.1f} %."
    )


def _value(row: pd.Series) -> str:
    return with_interval(row["value"], row.get("ci_low", math.nan), row.get("ci_high", math.nan))


def _where(row: pd.Series, within: Sequence[str] = ()) -> str:
    layer = row.get("layer")
    words = [] if layer is None or pd.isna(layer) else [f"layer {int(layer)}"]
    words += [in_words(row[column]) for column in within if row[column]]
    return "".join(f", {word}" for word in words)


def _overlap(first: pd.Series, second: pd.Series) -> bool:
    low, high = first.get("ci_low", math.nan), second.get("ci_high", math.nan)
    return bool(pd.notna(low) and pd.notna(high) and low <= high)
