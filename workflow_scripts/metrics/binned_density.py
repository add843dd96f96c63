"""Densities of values that are known as counts in bins alone, because they were counted in a pass and not kept."""

from __future__ import annotations

import numpy as np

COSINE_BINS = 400


def cosine_edges() -> np.ndarray:
    """Return the edges of the bins that cosines are counted in, [401] float64 from -1 to 1."""
    return np.linspace(-1, 1, COSINE_BINS + 1)


def scott_density(counts: np.ndarray, edges: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the Gaussian kernel density of values, [K] float64, with Scott's bandwidth sd n^(-1/5).

    Values are taken to lie in the middles of their bins, which is no matter if bins are small beside the bandwidth; of a
    smaller bandwidth than half a bin, half a bin. NaN of fewer than two values.

    Args:
        counts: [b], how many values are in each bin.
        edges: [b + 1], ascending.
        at: [K] where.
    """
    n = counts.sum()
    if n < 2:
        return np.full(len(at), np.nan)
    middles = (edges[:-1] + edges[1:]) / 2
    mean = counts @ middles / n
    deviation = np.sqrt(counts @ (middles - mean) ** 2 / (n - 1))
    width = max(deviation * n ** (-1 / 5), np.diff(edges).min() / 2)
    held = counts > 0
    kernels = np.exp(-0.5 * ((at[:, None] - middles[held]) / width) ** 2)
    return kernels @ counts[held] / (n * width * np.sqrt(2 * np.pi))


def binned_mean(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the mean of values that lie in the middles of their bins, [...] float64; NaN without any.

    Args:
        counts: [..., b].
        edges: [b + 1].
    """
    n = counts.sum(-1)
    total = counts @ ((edges[:-1] + edges[1:]) / 2)
    return np.divide(total, n, out=np.full(np.shape(n), np.nan), where=n > 0)
