"""Rows of tables, in the terms of the table contract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from workflow_scripts.metrics.intervals import bootstrap_means

Row = dict[str, Any]


def mean_rows(values: np.ndarray, metric: str, seed: int, **columns: Any) -> Iterator[Row]:
    """Yield one row a layer: the mean of `values` [n, L] over their n units, with an interval by resampling the units."""
    low, high = bootstrap_means(values, seed=seed)
    for layer, value in enumerate(values.astype(np.float64).mean(0)):
        ends = {"ci_low": low[layer], "ci_high": high[layer]}
        yield {"layer": layer + 1, "metric": metric, "value": value, "n": len(values), **ends, **columns}


def score_row(
    layer: int,
    facet: str,
    metric: str,
    setting: str,
    value: float,
    n: int,
    low: float,
    high: float,
    higher_is_better: bool = True,
) -> Row:
    """Return a row of a share (0 to 1) at a layer counted from 0; `n` is what it is a share or mean of."""
    return {
        "layer": layer + 1,
        "facet": facet,
        "metric": metric,
        "setting": setting,
        "value": value,
        "n": n,
        "ci_low": low,
        "ci_high": high,
        "unit": "share",
        "higher_is_better": higher_is_better,
    }
