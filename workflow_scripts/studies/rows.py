"""Rows of the tables of downstream tasks."""

from __future__ import annotations

from typing import Any


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
) -> dict[str, Any]:
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
