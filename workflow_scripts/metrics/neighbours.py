"""Weighted k-nearest-neighbour classification of frozen features, all layers of a model in one reading of the bank.

Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination" (CVPR 2018, section 3.4), with the
settings of Caron et al., DINO (ICCV 2021, section 4.2): L2-normalised features, votes weighted by exp(similarity / 0.07).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any, Protocol

import numpy as np
from threadpoolctl import ThreadpoolController

from workflow_scripts.common.errors import AtlasError

TEMPERATURE = 0.07
# A thread holds BANK_ROWS x QUERY_ROWS similarities, 8 MiB; a bank chunk of 24 layers of 1024 is 400 MiB in float32.
BANK_ROWS = 4096
QUERY_ROWS = 512


class Rows(Protocol):
    """Features that are read in slices along the first axis: an array, a memory map, a slice reader of a file."""

    shape: tuple[int, ...]

    def __getitem__(self, rows: slice) -> Any:
        """Return the rows as an array."""


def nearest_neighbours(
    bank: Rows, queries: Rows, k: int, bank_rows: int = BANK_ROWS, query_rows: int = QUERY_ROWS
) -> tuple[np.ndarray, np.ndarray]:
    """Return the k most similar bank items of each query at each layer, exactly, most similar first.

    The bank is read once. Memory is 8 bytes x L x n x k for the result plus a bank chunk and, per thread, a query chunk in
    float32, whatever the size of the bank. Runs on as many threads as numpy's matrix product would.

    Args:
        bank: [m, L, D] features, half or single precision; m at least 1. With fewer than k items all of them are neighbours.
        queries: [n, L, D] features, read once per bank chunk, by several threads at once.
        k: number of neighbours.
        bank_rows: bank items read at once.
        query_rows: queries handled at once.

    Returns:
        Cosine similarities [L, n, min(k, m)] float32 and bank indices of the same shape, int32. Features are normalised, and
        similarities computed, in float32; an all-zero feature has similarity 0 to everything. Of equally similar items the
        one with the smaller index comes first.

    Raises:
        AtlasError: a feature is not finite.
    """
    (m, layers), n = bank.shape[:2], queries.shape[0]
    k = min(k, m)
    similarity = np.full((layers, n, k), -np.inf, dtype=np.float32)
    index = np.full((layers, n, k), -1, dtype=np.int32)

    def search(first: int, start: int, bank_chunk: np.ndarray) -> None:
        query_chunk = _unit_rows(queries, first, query_rows)
        for layer in range(layers):
            part = (layer, slice(first, first + query_rows))
            _merge(similarity[part], index[part], query_chunk[layer] @ bank_chunk[layer].T, start)

    # A thread per query chunk rather than several per matrix product: what follows the product is then spread over the cores
    # as well, and the order of sums does not depend on their number.
    blas = ThreadpoolController().select(user_api="blas")
    threads = max((library["num_threads"] for library in blas.info()), default=1)
    with ThreadPoolExecutor(threads) as pool, blas.limit(limits=1):
        for start in range(0, m, bank_rows):
            bank_chunk = _unit_rows(bank, start, bank_rows)
            list(pool.map(search, range(0, n, query_rows), repeat(start), repeat(bank_chunk)))
    for layer in range(layers):
        # Neighbours stand in the order of the bank, which a stable sort keeps among equals.
        order = np.argsort(-similarity[layer], axis=1, kind="stable")
        similarity[layer] = np.take_along_axis(similarity[layer], order, 1)
        index[layer] = np.take_along_axis(index[layer], order, 1)
    return similarity, index


def vote(
    similarity: np.ndarray,
    neighbour_labels: np.ndarray,
    labels: np.ndarray,
    ks: Sequence[int],
    n_classes: int,
    temperature: float = TEMPERATURE,
    rows: int = QUERY_ROWS,
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Return {k: (top-1, top-5)}: whether each query's label is among the first 1 and min(5, k) classes, [n] bool each.

    Each of the k nearest neighbours adds exp(similarity / T) to its class. Of classes with equal scores the smaller index
    comes first; a class without a vote is never among the first.

    Args:
        similarity: [n, K] of one layer, from `nearest_neighbours`.
        neighbour_labels: [n, K] class of each neighbour, in [0, n_classes): the bank's labels at its index.
        labels: [n] class of each query, in [0, n_classes).
        ks: numbers of neighbours; with one larger than K all K vote.
        n_classes: number of classes.
        temperature: T.
        rows: queries handled at once; bounds memory to rows x n_classes scores.
    """
    n, most = similarity.shape
    place = {k: np.empty(n, dtype=np.int64) for k in ks}
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        weight = np.exp(similarity[part].astype(np.float64) / temperature)
        label = labels[part, None]
        cell = np.arange(len(weight))[:, None] * n_classes + neighbour_labels[part]
        scores = np.zeros((len(weight), n_classes))
        voted = 0
        for k in sorted(ks):
            new = slice(voted, min(k, most))
            scores += np.bincount(cell[:, new].ravel(), weight[:, new].ravel(), scores.size).reshape(scores.shape)
            voted = new.stop
            own = np.take_along_axis(scores, label, 1)
            ahead = (scores > own) | ((scores == own) & (np.arange(n_classes) < label))
            place[k][part] = np.where(own[:, 0] > 0, ahead.sum(1), n_classes)
    return {k: (place[k] < 1, place[k] < min(5, k)) for k in ks}


def without_self(similarity: np.ndarray, index: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k nearest neighbours of each item among the others, from one more of [L, n, k + 1] among all."""
    own = index == np.arange(index.shape[1])[:, None]
    # The item itself goes last; where many equal ones hide it, the last neighbour goes instead.
    order = np.argsort(own, axis=2, kind="stable")[:, :, : min(k, index.shape[2] - 1)]
    return np.take_along_axis(similarity, order, axis=2), np.take_along_axis(index, order, axis=2)


def _merge(similarity: np.ndarray, index: np.ndarray, new: np.ndarray, start: int) -> None:
    """Keep the k best of `similarity` [n, k] and `new` [n, c] (bank items from `start` on) in place, in bank order.

    What a stable sort of all items would keep (`tests/metrics/test_neighbours.py` compares), but few items pass the bar. One
    row with k = 2, similarity [.5 .9] and new [.1 .7 .2 .9] from item 6 on: the bar is .5, candidates are .7 (item 7) and .9
    (item 9); of [.5 .9 .7 .9] the second best is .9, so nothing is better, and the first two equals stay.
    """
    n, k = similarity.shape
    # Once k are found, a later item must beat the worst of them. Before, the k-th of the maxima of disjoint groups of items
    # is a bound that at least k items reach.
    bar = similarity.min(1)
    if start < k:
        groups = min(new.shape[1], 4 * k)
        if groups >= k:
            maxima = new[:, : new.shape[1] // groups * groups].reshape(n, -1, groups).max(1)
            bar = np.maximum(bar, np.nextafter(np.partition(maxima, groups - k, axis=1)[:, groups - k], np.float32(-np.inf)))
    found = np.flatnonzero(new > bar[:, None])
    row, column = np.divmod(found, new.shape[1])
    count = np.bincount(row, minlength=n)
    rows = np.flatnonzero(count)
    if not len(rows):
        return
    # Each row's old neighbours, then its new candidates; the rest stays below everything.
    width = k + count.max()
    values = np.full((len(rows), width), -np.inf, dtype=np.float32)
    items = np.full((len(rows), width), -1, dtype=np.int32)
    values[:, :k], items[:, :k] = similarity[rows], index[rows]
    place = np.arange(len(found)) - np.repeat(np.cumsum(count) - count, count) + k
    compact = (np.cumsum(count > 0) - 1)[row]
    values[compact, place] = new.ravel()[found]
    items[compact, place] = column + start
    worst = np.partition(values, width - k, axis=1)[:, width - k, None]
    better, equal = values > worst, values == worst
    kept = better | (equal & (np.cumsum(equal, 1) <= k - better.sum(1, keepdims=True)))
    similarity[rows], index[rows] = values[kept].reshape(-1, k), items[kept].reshape(-1, k)


def _unit_rows(features: Rows, start: int, rows: int) -> np.ndarray:
    """Read `rows` rows from `start` on and return them as [L, rows, D] float32 of length 1; zero stays zero."""
    features = np.array(np.swapaxes(features[start : start + rows], 0, 1), dtype=np.float32, order="C")
    norm = np.sqrt(np.einsum("lnd,lnd->ln", features, features))
    if not np.isfinite(norm).all():
        layer, row = np.argwhere(~np.isfinite(norm))[0]
        raise AtlasError(
            f"k-NN: the features of item {start + row} at layer {layer + 1} are not finite; run that pass again in float32"
        )
    features /= np.where(norm > 0, norm, 1)[..., None]
    return features
