"""Rows of tables as the explorer's curves read them: series of one model over layers, coded by dictionaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.report.data_scripts import FILE_LIMIT, plain, rounded

KEYS = ("metric", "dataset", "facet", "head", "setting", "unit")  # with higher_is_better: what a series is of
NO_LAYER = -1
_ROW_BYTES = 20  # of a row in a long run, with an interval


def is_of_head(frame: pd.DataFrame) -> pd.Series:
    """Return which rows are of a single head, by its number: the heads view has these."""
    return frame["head"].fillna("").str.fullmatch(r"\d+").astype(bool)


def is_of_pair(frame: pd.DataFrame) -> pd.Series:
    """Return which rows compare two representations: the matrix view has these."""
    return frame["other_model"].fillna("") != ""


def series(frame: pd.DataFrame, models: Sequence[str]) -> dict[str, Any]:
    """Return rows as runs over consecutive layers.

    Args:
        frame: rows of one analysis, of models and layers (neither of heads nor of pairs).
        models: ids, in the order of the run.

    Returns:
        ``words``: by column, its values in order of appearance; ``keys``: by column, one code a key; ``models``: ids;
        ``runs``: key, model, first layer (`NO_LAYER`: none), count and n (a number, or a list where it varies) of each run;
        ``value``, ``low``, ``high``: flat over the runs, the last two None where no row has an interval.
    """
    frame = frame.assign(**{column: frame[column].fillna("").astype(str) for column in KEYS})
    frame["better"] = frame["higher_is_better"].map({True: 1, False: 0}).astype("float64").fillna(-1).astype(int)
    frame["layer"] = frame["layer"].astype("float64").fillna(NO_LAYER).astype(int)
    coded = {column: pd.factorize(frame[column]) for column in KEYS}
    codes = pd.DataFrame({column: code for column, (code, _) in coded.items()} | {"better": frame["better"].to_numpy()})
    key, kept = pd.factorize(pd.MultiIndex.from_frame(codes))
    place = {model: rank for rank, model in enumerate(models)}
    frame = frame.assign(key=key, place=frame["model"].map(place))
    frame = frame.sort_values(["key", "place", "layer"], kind="stable")
    step = frame[["key", "place"]].diff().ne(0).any(axis=1) | frame["layer"].diff().ne(1)
    starts = np.flatnonzero(step.to_numpy())
    counts = np.diff([*starts, len(frame)])
    first = frame.iloc[starts]
    numbers = frame["n"].astype("float64").to_numpy()
    low, high = (frame[column].to_numpy(dtype="float64") for column in ("ci_low", "ci_high"))
    bounded = np.isfinite(low).any()
    return {
        "words": {column: [str(word) for word in words] for column, (_, words) in coded.items()},
        "keys": {column: [int(entry[i]) for entry in kept] for i, column in enumerate((*KEYS, "better"))},
        "models": list(models),
        "runs": {
            "key": first["key"].tolist(),
            "model": first["place"].tolist(),
            "first": first["layer"].tolist(),
            "count": counts.tolist(),
            "n": [_constant(numbers[start : start + count]) for start, count in zip(starts, counts, strict=True)],
        },
        "value": rounded(frame["value"].to_numpy(dtype="float64")),
        "low": rounded(low) if bounded else None,
        "high": rounded(high) if bounded else None,
    }


def split_series(frame: pd.DataFrame, models: Sequence[str], limit: int = FILE_LIMIT) -> Iterator[dict[str, Any]]:
    """Yield the series of `frame` in parts that are below `limit` bytes as JSON: by metric, then by model, then by row."""
    if len(frame) * _ROW_BYTES <= limit or len(frame) == 1:  # or it is not worth the while to try
        data = series(frame, models)
        if len(plain(data)) <= limit or len(frame) == 1:
            yield data
            return
    for column in ("metric", "model"):
        words = list(dict.fromkeys(frame[column]))
        if len(words) > 1:
            upto = frame[column].map(frame[column].value_counts().reindex(words).cumsum())
            first = (upto <= max(upto.min(), len(frame) / 2)).to_numpy()
            break
    else:
        first = np.arange(len(frame)) < len(frame) // 2
    for half in (frame[first], frame[~first]):
        yield from split_series(half, models, limit)


def measured(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the metrics of a part for a menu: name, whether higher is better, most layers of a series, number of models."""
    runs, keys = pd.DataFrame(data["runs"]), data["keys"]
    runs["metric"] = np.asarray(keys["metric"])[runs["key"]]
    found = []
    for code, name in enumerate(data["words"]["metric"]):
        own = runs[runs["metric"] == code]
        layers = int(own["count"].where(own["first"] != NO_LAYER, 0).groupby([own["key"], own["model"]]).sum().max())
        better = next(b for m, b in zip(keys["metric"], keys["better"], strict=True) if m == code)
        found.append({"name": name, "better": better, "layers": layers, "models": int(own["model"].nunique())})
    return found


def _constant(values: np.ndarray) -> int | list[int | None] | None:
    whole = [int(value) if np.isfinite(value) else None for value in values]
    return whole[0] if len(set(whole)) == 1 else whole
