"""Shapes that the study saw by eye, as numbers: repeated maps, centred blobs, moving maxima, X-shaped similarity."""

from __future__ import annotations

import math

import numpy as np

BLOB_SIGMA = 0.25  # a centred blob is a Gaussian of this many grid sides; ours, the study names blobs by eye


def head_correlation(maps: np.ndarray) -> np.ndarray:
    """Return the mean Pearson correlation of the maps of two different heads, by layer: [L] of maps [L, H, R, C].

    In [-1, 1]; a constant map correlates with none (0). NaN with one head.
    """
    flat = _standardised(maps.reshape(*maps.shape[:2], -1))
    n_heads = maps.shape[1]
    together = flat @ flat.transpose(0, 2, 1)
    off_diagonal = together.sum((1, 2)) - np.trace(together, axis1=1, axis2=2)
    return off_diagonal / (n_heads * (n_heads - 1)) if n_heads > 1 else np.full(len(maps), np.nan)


def centredness(maps: np.ndarray) -> np.ndarray:
    """Return the mean over heads of the correlation of each map with a centred blob: [L] of maps [L, H, R, C], in [-1, 1]."""
    rows, columns = maps.shape[-2:]
    y = (np.arange(rows) - (rows - 1) / 2) / max(rows, columns)
    x = (np.arange(columns) - (columns - 1) / 2) / max(rows, columns)
    blob = np.exp(-(y[:, None] ** 2 + x[None] ** 2) / (2 * BLOB_SIGMA**2))
    flat = _standardised(maps.reshape(*maps.shape[:2], -1))
    return (flat @ _standardised(blob.ravel())).mean(-1)


def same_maximum_share(maps: np.ndarray) -> np.ndarray:
    """Return the share of images whose maximum lies where it lies in most images: [L, H] of maps [I, L, H, R, C].

    1 if every image has it at one position, 1/I if all differ. Ties within a map: the first in row-major order.
    """
    places = maps.reshape(*maps.shape[:3], -1).argmax(-1)
    return (places[:, None] == places[None]).mean(1).max(0)


def top_share(maps: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Return how much of each map lies in its highest cells: [..., L, H] of maps [..., L, H, R, C], in [0, 1].

    Args:
        maps: not negative.
        share: of the cells that count as the highest, rounded up.
    """
    flat = np.sort(maps.reshape(*maps.shape[:-2], -1), axis=-1)
    total = flat.sum(-1)
    top = flat[..., -math.ceil(share * flat.shape[-1]) :].sum(-1)
    return np.divide(top, total, out=np.zeros_like(total), where=total > 0)


def ridge_contrasts(matrix: np.ndarray) -> np.ndarray:
    """Return how far the anti-diagonal of a similarity matrix [N, N] stands out, away from the diagonal, place by place.

    For sites i of the first part C[i, N-1-i] minus the mean of the two places beside the anti-diagonal at the same distance
    from the diagonal, N/8 sites to either side. Similarity that only depends on the distance of two layers gives 0, an X
    gives positive numbers. The pairs compared lie at least a quarter of the depth apart.
    """
    size = len(matrix)
    step = max(1, size // 8)
    sites = np.arange(step, (size - 1 - size // 4) // 2 + 1)
    mirror = size - 1 - sites
    beside = (matrix[sites - step, mirror - step] + matrix[sites + step, mirror + step]) / 2
    return matrix[sites, mirror] - beside


def _standardised(maps: np.ndarray) -> np.ndarray:
    """Return maps [..., n] with mean 0 and norm 1; a constant map becomes 0."""
    maps = np.asarray(maps, dtype=np.float64)
    maps = maps - maps.mean(-1, keepdims=True)
    norm = np.linalg.norm(maps, axis=-1, keepdims=True)
    # A constant map leaves rounding of the mean, about 1e-16 of its size.
    return np.divide(maps, norm, out=np.zeros_like(maps), where=norm > 1e-12)
