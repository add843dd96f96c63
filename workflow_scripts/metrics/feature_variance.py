"""Features of large variance: which they are, what is left without them, and whether two data sets have the same.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 4): a few
features of large variance inflate distances between patches. Variances are over all patches of a gallery, pooled over images.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.common.errors import AtlasError

_ROWS = 8192  # features read at once
EPSILON = 1e-6  # added to variances, as in the linear probe of the public code of MAE


class Moments(NamedTuple):
    """Moments of features over some rows: arrays or tensors in double precision.

    Attributes:
        count: number of rows; if moments are of several layers, that of each, in a shape that `mean` can be multiplied by.
        mean: [...].
        squares: [...] sum of the squared deviations from the mean.
    """

    count: Any
    mean: Any
    squares: Any


def merged_moments(one: Moments, other: Moments) -> Moments:
    """Return the moments over the rows of both, of which there is at least one.

    As by Chan, Golub and LeVeque, "Algorithms for computing the sample variance" (1983): no difference of large sums.
    """
    total, shift = one.count + other.count, other.mean - one.mean
    squares = one.squares + other.squares + shift**2 * (one.count * other.count / total)
    return Moments(total, one.mean + shift * (other.count / total), squares)


def feature_moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of each feature, [...] float64 each; the variance is the population's (ddof 0).

    Args:
        features: [N, ...], N at least 1, half or single precision, read once in slices, so it may be a memory map.

    Raises:
        AtlasError: there is no row, or a feature is not finite.
    """
    if not len(features):
        raise AtlasError("variances: there are no patches; choose a training set with labelled patches")
    total = Moments(0, np.zeros(features.shape[1:]), np.zeros(features.shape[1:]))
    for start in range(0, len(features), _ROWS):
        part = features[start : start + _ROWS].astype(np.float64)
        if not (finite := np.isfinite(part)).all():
            row = start + int(np.argwhere(~finite)[0, 0])
            raise AtlasError(f"variances: the features of patch {row} are not finite; run that pass again in float32")
        mean = part.mean(0)
        total = merged_moments(total, Moments(len(part), mean, ((part - mean) ** 2).sum(0)))
    return total.mean, total.squares / total.count


def removal_order(variance: np.ndarray) -> np.ndarray:
    """Return all features in the order in which they are removed, [..., D] int64: the largest variance first.

    Of equal variances the lower feature comes first, also among the last ones, which are the features of smallest variance.

    Args:
        variance: [..., D].
    """
    return np.argsort(-variance, axis=-1, kind="stable")


def kept_features(order: np.ndarray, count: int) -> np.ndarray:
    """Return the features that are left without the first `count` of `order` [D], ascending, [D - count] int64."""
    return np.sort(order[count:])


def shared_top(one: np.ndarray, other: np.ndarray, count: int) -> int:
    """Return how many features are among the first `count` of both orders [D]."""
    return len(np.intersect1d(one[:count], other[:count], assume_unique=True))


def standardised(features: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return (x - mean) / sqrt(variance + 1e-6) of features [N, ...], float32: batch normalisation in place of removal.

    Args:
        features: [N, ...] of gallery or queries.
        mean: [...] of the gallery, exact or the running mean of a probe.
        variance: [...] likewise.
    """
    made = np.empty(features.shape, np.float32)
    scale = 1 / np.sqrt(variance + EPSILON)
    for start in range(0, len(features), _ROWS):
        made[start : start + _ROWS] = (features[start : start + _ROWS] - mean) * scale
    return made
