"""Intervals by resampling the independent unit: image, category or video."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def bootstrap_means(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray] = lambda means: means,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile bootstrap interval of a statistic of the mean over units.

    Args:
        values: [n, ...], one record per unit that is resampled with replacement.
        statistic: function of the means [draws, ...] that keeps the first axis; the mean itself by default.
        draws: number of resamples.
        level: coverage.
        seed: seed of the resampling.

    Returns:
        (low, high), each of the shape of `statistic` without its first axis; NaN with fewer than two units.
    """
    count = len(values)
    flat = values.reshape(count, -1).astype(np.float64)
    if count < 2:
        result = statistic(np.full((1, *values.shape[1:]), np.nan))[0]
        return result, result
    # How often each unit is drawn: the resampled means are then one matrix product instead of an index array.
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws) / count
    # Centred, so that a large common mean does not cost digits.
    centre = flat.mean(0)
    means = (weights @ (flat - centre) + centre).reshape(draws, *values.shape[1:])
    tail = (1 - level) / 2
    low, high = np.quantile(statistic(means), [tail, 1 - tail], axis=0)
    return low, high


def poisson_weights(positions: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return how often each unit is in each resample of the Poisson bootstrap, [n, draws] int64.

    A unit's weights come from its own generator, seeded by (`seed`, position), so sums of weighted counts are the same however
    units are split and ordered. (With n units drawn with replacement, how often one is drawn is nearly Poisson of mean 1;
    Chamandy et al. 2012, "Estimating uncertainty for massive data streams".)

    Args:
        positions: [n] of the units in their dataset.
        draws: number of resamples.
        seed: of the resampling.
    """
    return np.stack([np.random.default_rng([seed, position]).poisson(1.0, draws) for position in positions])


def percentiles(resampled: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval (low, high) of a number from its values [draws, ...] in resamples.

    Resamples in which it is not defined (NaN) are left out; NaN where it is defined in none.
    """
    tail = (1 - level) / 2
    defined = np.isfinite(resampled).any(0)
    ends = np.full((2, *resampled.shape[1:]), np.nan)
    ends[:, defined] = np.nanquantile(resampled[:, defined], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]
