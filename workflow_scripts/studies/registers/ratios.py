"""Rows of shares and means over the patches of a kind, with an interval by resampling whole images."""

from __future__ import annotations

import numpy as np

from workflow_scripts.metrics.intervals import percentiles
from workflow_scripts.studies.rows import Row

_DRAWS = 1000


def mean_row(metric: str, setting: str, values: np.ndarray, chosen: np.ndarray, unit: str, seed: int) -> Row:
    """Return the row of the mean of `values` over the chosen patches; resamples without any are left out of its interval.

    Args:
        metric: its name.
        setting: the kind of patches.
        values: [I, N] by image and patch.
        chosen: [I, N] bool, at least one.
        unit: of the values.
        seed: of the resampling.
    """
    sums = np.stack([np.where(chosen, values, 0).sum(1, dtype=np.float64), chosen.sum(1)], 1)
    total, count = sums.sum(0)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=_DRAWS) @ sums
    with np.errstate(invalid="ignore"):
        low, high = percentiles(drawn[:, 0] / drawn[:, 1])
    ends = {"ci_low": float(low), "ci_high": float(high)}
    return {"metric": metric, "setting": setting, "value": float(total / count), "n": int(count), **ends, "unit": unit}
