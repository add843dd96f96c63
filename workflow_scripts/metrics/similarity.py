"""Centred kernel alignment (CKA) of representations, averaged over minibatches, from their Gram blocks.

Minibatch CKA with the unbiased HSIC estimator: Nguyen et al., "Do Wide and Deep Networks Learn the Same Things?" (ICLR 2021,
arXiv 2010.15327, equations 2 and 3), the estimator HSIC1 from Song et al., "Feature Selection via Dependence Maximization"
(JMLR 13, 2012, equation 4). Walmer et al. (CVPR 2023, section 3.6) rescale every Gram block to [0, 1] before it.

This is also what the package pytorch-cka computes (version 1.1.3; its batches are the blocks), in float32 and cut to [0, 1].

HSIC1 of a block is a dot product: with the U-centred matrices of Székely and Rizzo (Annals of Statistics 42, 2014,
section 2), K~ = K - row means - column means + mean with the denominators N-2 and (N-1)(N-2) and a zero diagonal,

    [tr(KL) + 1'K1 1'L1 / ((N-1)(N-2)) - 2 1'KL1 / (N-2)] / (N(N-3)) = sum_ij K~_ij L~_ij / (N(N-3)).

So a Gram block is turned once into a vector, and all pairs of sites are one matrix product, in float64. Because the centring
comes before the products, nothing large cancels there. What float32 Gram blocks cost, measured on 625 blocks against float64
ones: below 1e-7 in CKA where the features' common mean is up to ten times their spread, 4e-6 where it is a hundred times.
"""

from __future__ import annotations

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.intervals import bootstrap_means

# HSIC1 divides by N - 3.
LEAST_IMAGES = 4
# Entries of the Gram blocks that are centred at once, so that they stay in a processor's cache.
AT_ONCE = 1 << 16
# What differs less than this between the pairs of images of a block, relative to its largest entry, is float32 rounding.
ROUNDING = 8 * float(np.finfo(np.float32).eps)


def centred_blocks(blocks: np.ndarray, minmax: bool) -> np.ndarray:
    """Return the vectors whose dot products are HSIC1, [S, n_kept, N(N-1)/2] float64.

    A block whose images are all equally similar to each other up to float32 rounding (constant features, for example)
    becomes zero in both variants; it has no scale to be divided by.

    Args:
        blocks: [n_blocks, S, N, N] raw Gram blocks X X^T of S sites over the same images in the same order; S sites are
            layers, facets or models. Only the last block may be short: its missing last rows and columns are NaN. It
            weighs like the others, or is left out if it has fewer than four images.
        minmax: rescale each block, including its diagonal, to [0, 1] (Walmer et al.). This changes the weight of the blocks
            and so the result; False is minibatch CKA as published.

    Raises:
        AtlasError: no block has four images, or a block holds values that are not finite.
    """
    n_blocks, n_sites, size = blocks.shape[:3]
    counts = np.full(n_blocks, size)
    missing = np.isnan(np.asarray(blocks[-1:, 0]).diagonal(axis1=1, axis2=2))
    counts[-1:] = np.cumprod(~missing, 1).sum(1)
    kept = np.flatnonzero(counts >= LEAST_IMAGES)
    if not len(kept):
        raise AtlasError(
            f"CKA: the largest of {n_blocks} Gram blocks has {counts.max(initial=0)} images, at least {LEAST_IMAGES} are "
            "needed; use more images"
        )
    present = np.arange(size) < counts[kept, None]
    pairs = present[:, :, None] & present[:, None]
    upper = np.triu_indices(size, 1)
    counts = counts[kept].astype(np.float64)[:, None, None]
    # Each of the N(N-1)/2 entries stands for two of the sum.
    scale = np.sqrt(2 / (counts * (counts - 3)))
    vectors = np.empty((n_sites, len(kept), len(upper[0])))
    step = max(1, AT_ONCE // (len(kept) * size**2))
    for first in range(0, n_sites, step):
        made = slice(first, first + step)
        # In C order, whatever that of the blocks: the order of summation decides the last bits.
        gram = np.moveaxis(np.asarray(blocks[:, made])[kept], 1, 0).astype(np.float64, order="C")
        wrong = (np.isfinite(gram) != pairs).any((2, 3))
        if wrong.any():
            site, block = np.argwhere(wrong)[0]
            raise AtlasError(
                f"CKA: Gram block {kept[block]} of site {first + site} has values that are not finite; "
                "run the pass again in float32"
            )
        vectors[made] = (_u_centred(gram, pairs, counts, minmax) * scale)[..., *upper]
    return vectors


def hsic(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the mean over blocks of HSIC1 of every pair of sites, [S1, S2].

    Args:
        a: [S1, n, P] from `centred_blocks`.
        b: [S2, n, P], of the same images.

    Raises:
        ValueError: the two were not made from the same blocks of images.
    """
    _check_blocks(a, b)
    return a.reshape(len(a), -1) @ b.reshape(len(b), -1).T / a.shape[1]


def cka(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return CKA of every pair of sites, mean HSIC(K, L) / sqrt(mean HSIC(K, K) mean HSIC(L, L)), [S1, S2].

    At most 1 and 1 for a site with itself; slightly negative values occur, because the unbiased estimate of no dependence is
    0 on average. NaN where a site does not distinguish the images (its HSIC with itself is 0).

    Args:
        a: [S1, n, P] from `centred_blocks`.
        b: [S2, n, P], of the same images.
    """
    first = _self_hsic(a).mean(1)
    second = first if b is a else _self_hsic(b).mean(1)
    return _alignment(hsic(a, b), first[:, None], second[None])


def cka_intervals(
    a: np.ndarray, b: np.ndarray, pairs: np.ndarray, draws: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return percentile bootstrap intervals over blocks of images, (low [p], high [p]); NaN with one block.

    Args:
        a: [S1, n, P] from `centred_blocks`.
        b: [S2, n, P], of the same images.
        pairs: [p, 2], which site of `a` with which of `b`.
        draws: number of resamples.
        level: coverage.
        seed: seed of the resampling.
    """
    _check_blocks(a, b)
    first, second = np.asarray(pairs).T
    cross = np.stack([np.einsum("nd,nd->n", a[i], b[j]) for i, j in zip(first, second, strict=True)], 1)
    records = np.stack([cross, _self_hsic(a)[first].T, _self_hsic(b)[second].T], 2)
    return bootstrap_means(records, lambda means: _alignment(*np.moveaxis(means, -1, 0)), draws, level, seed)


def _u_centred(gram: np.ndarray, pairs: np.ndarray, counts: np.ndarray, minmax: bool) -> np.ndarray:
    """Return U-centred blocks [S, n, N, N] of `gram` [S, n, N, N], zero where `pairs` [n, N, N] has no image."""
    others = pairs & ~np.eye(gram.shape[-1], dtype=bool)
    largest, smallest = (f(gram, axis=(2, 3), keepdims=True) for f in (np.nanmax, np.nanmin))
    offset = np.where(others, gram, np.inf).min((2, 3), keepdims=True)
    spread = np.where(others, gram, -np.inf).max((2, 3), keepdims=True) - offset
    kept = others & (spread > ROUNDING * np.maximum(abs(largest), abs(smallest)))
    # HSIC1 does not see an offset, so the smallest entry need not be the one that min-max subtracts.
    shifted = np.where(kept, gram - offset, 0.0)
    if minmax:
        shifted /= np.where(largest > smallest, largest - smallest, 1.0)
    rows = shifted.sum(3, keepdims=True)
    total = rows.sum(2, keepdims=True)
    means = (rows + rows.swapaxes(2, 3)) / (counts - 2) - total / ((counts - 1) * (counts - 2))
    return np.where(kept, shifted - means, 0.0)


def _self_hsic(a: np.ndarray) -> np.ndarray:
    return np.einsum("snd,snd->sn", a, a)


def _alignment(cross: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    scale = np.sqrt(first) * np.sqrt(second)
    return np.divide(cross, scale, out=np.full(cross.shape, np.nan), where=scale > 0)


def _check_blocks(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(f"blocks of images differ: {a.shape[1]} x {a.shape[2]} pairs against {b.shape[1]} x {b.shape[2]}")
