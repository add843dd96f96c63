"""The one nearest neighbour of every patch, exactly, and for a whole list of removed features at the cost of one search.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2): 1-NN (k = 1) of
patches, and again without the m features of largest variance (section 4). Distances are matrix products in float32. They rank
the gallery by a bound below the true distance; of the best four those are measured in float64 that may be the nearest by their
bound, and where the fourth may, products in float64 tell which others may. So no rounding of products decides: what is returned
is the nearest by distance in float64, of equally near ones the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scipy.linalg.blas import dgemm, sgemm
from torch import Tensor
from torch.nn.functional import pad

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.distances import COSINE, EUCLIDEAN

METRICS = (EUCLIDEAN, COSINE)

_CANDIDATES = 4  # kept of every query, to be measured in float64
_GROUP = 64  # a row of products is looked through by the minima of as many groups as there are places in a group
_EXACT_VALUES = 1 << 22  # numbers in float64 alive at once where pairs are measured


@dataclass(frozen=True)
class _Sizes:
    """Rows handled at once: queries for which the gallery is read once; queries and gallery of a product."""

    block: int
    queries: int
    gallery: int


_SIZES = {"cpu": _Sizes(16384, 512, 4096), "cuda": _Sizes(65536, 8192, 32768)}


def nearest(
    gallery: np.ndarray,
    queries: np.ndarray,
    metric: str = EUCLIDEAN,
    device: str = "cpu",
    groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest gallery item of each query: index [n] int64 and distance [n] float64; see `nearest_without`."""
    index, distance = nearest_without(gallery, queries, np.arange(gallery.shape[1]), (0,), metric, device, groups)
    return index[0], distance[0]


def nearest_without(
    gallery: np.ndarray,
    queries: np.ndarray,
    order: np.ndarray,
    counts: Sequence[int],
    metric: str = EUCLIDEAN,
    device: str = "cpu",
    groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest gallery item of each query without the first m features of `order`, for every m of `counts`.

    The sets of removed features are nested, so squared distances (or products) for one m are those for the next larger m plus
    the part of the columns between them. They grow from few columns to all, because the other way round what is left after
    removing columns of large variance would be a small difference of large numbers. The columns are multiplied once, however
    many m there are.

    Args:
        gallery: [N, D], half or single precision, read in slices and by rows, so it may be a memory map; N at least 1.
        queries: [n, D], likewise.
        order: [D] int, all features in the order in which they are removed (`feature_variance.removal_order`).
        counts: [M] numbers of removed features, each in 0 to D - 1.
        metric: "euclidean", or "cosine" for 1 - cosine, where a feature of length 0 has cosine 0 with everything.
        device: of the arithmetic, as PyTorch names it; the result does not depend on it but for pairs whose distances in
            float64 differ by rounding alone.
        groups: ([N], [n]) int, such as the image of each item: an item of the query's own group is no neighbour. None: all are.

    Returns:
        Indices [M, n] int64 and distances [M, n] float64 over the features that are left, not normalised by their number. Of
        items at the same distance the first is the nearest.

    Raises:
        AtlasError: widths differ, a number of removed features is out of range, a feature is not finite, or a query has no
            item of another group.
    """
    width = gallery.shape[1]
    if queries.shape[1] != width:
        raise AtlasError(f"1-NN: queries have {queries.shape[1]} features, the gallery {width}; compare features of one model")
    if not len(gallery):
        raise AtlasError("1-NN: the gallery is empty; choose a training set with labelled patches")
    if outside := [count for count in counts if not 0 <= count < width]:
        raise AtlasError(f"1-NN: {outside[0]} of {width} features cannot be removed; give numbers from 0 to {width - 1}")
    search = _Search(gallery, order, sorted(set(counts), reverse=True), metric, torch.device(device))
    index = np.empty((len(search.steps), len(queries)), np.int64)
    distance = np.empty(index.shape)
    with _cores_for_products(search.device):
        for start in range(0, len(queries), search.sizes.block):
            rows = slice(start, min(start + search.sizes.block, len(queries)))
            own = None if groups is None else (groups[0], groups[1][rows])
            index[:, rows], distance[:, rows] = search.nearest(queries[rows], start, own)
    if (index < 0).any():
        query = int(np.argwhere(index < 0)[0, 1])
        raise AtlasError(f"1-NN: all of the gallery is of the image of query {query}; choose a gallery of several images")
    places = [search.steps.index(count) for count in counts]
    return index[places], distance[places]


@dataclass(frozen=True)
class _Operands:
    """One side of the products.

    Attributes:
        parts: of each step the columns that it adds, [rows, width of the step] float32 or float64.
        squares: [steps, rows] float64, squared length over all columns up to a step.
    """

    parts: list[Tensor]
    squares: Tensor


class _Search:
    """A gallery, and the columns that each step adds: those left after the most removals first."""

    def __init__(self, gallery: np.ndarray, order: np.ndarray, steps: list[int], metric: str, device: torch.device) -> None:
        self.gallery, self.steps, self.device = gallery, steps, device
        self.cosine, self.sizes = metric == COSINE, _SIZES[device.type]
        ends = [len(order), *steps[:-1]]
        self.columns = torch.from_numpy(np.concatenate([order[a:b] for a, b in zip(steps, ends, strict=True)])).to(device)
        self.widths = [b - a for a, b in zip(steps, ends, strict=True)]
        # Distances do not see a common shift, products in float32 do.
        self.centre = torch.zeros(len(self.columns), device=device) if self.cosine else self._mean()

    def nearest(
        self, queries: np.ndarray, start: int, groups: tuple[np.ndarray, np.ndarray] | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return index and distance [steps, n] of a block of queries that starts at query `start`."""
        side = self._operands(queries, "query", start, False, torch.float32)
        shape = (len(self.steps), len(queries), _CANDIDATES)
        values, items = torch.full(shape, torch.inf, device=self.device), torch.full(shape, -1, device=self.device)
        for step, rows, first, ranks in self._ranks(side, groups, torch.float32):
            _keep_best(values[step, rows], items[step, rows], ranks, first)
        bounds = self._bounds(values.double(), side.squares[..., None], torch.float32).cpu().numpy()
        candidates = items.cpu().numpy()
        index, distance = candidates[..., 0].copy(), np.empty(shape[:2])
        for step, nearest in enumerate(index):
            distance[step] = self._measure(queries, np.arange(len(queries)), nearest, step)
            near = (bounds[step, :, 1:] <= distance[step, :, None]) & (candidates[step, :, 1:] >= 0)
            self._settle(queries, np.nonzero(near)[0], candidates[step, :, 1:][near], step, index, distance)
        last = bounds[..., -1]  # with fewer than four items all are measured
        if (unsure := (distance >= last) & np.isfinite(last)).any():
            self._decide(queries, unsure, groups, index, distance)
        return index, distance if self.cosine else np.sqrt(distance)

    def _decide(
        self,
        queries: np.ndarray,
        unsure: np.ndarray,
        groups: tuple[np.ndarray, np.ndarray] | None,
        index: np.ndarray,
        distance: np.ndarray,
    ) -> None:
        """Measure all items that may be as near as the nearest so far, of the queries and steps [steps, n] that are unsure."""
        asked = np.flatnonzero(unsure.any(0))
        limit = np.where(unsure[:, asked], distance[:, asked], -np.inf)
        side = self._operands(queries[asked], "query", 0, False, torch.float64)
        if groups is not None:
            groups = groups[0], groups[1][asked]
        limit = torch.from_numpy(limit).to(self.device)[..., None]
        for step, rows, first, ranks in self._ranks(side, groups, torch.float64):
            bounds = self._bounds(ranks, side.squares[step, rows, None], torch.float64)
            found = (bounds <= limit[step, rows]).nonzero().cpu().numpy()
            self._settle(queries, asked[found[:, 0] + rows.start], found[:, 1] + first, step, index, distance)

    def _settle(
        self, queries: np.ndarray, query: np.ndarray, item: np.ndarray, step: int, index: np.ndarray, distance: np.ndarray
    ) -> None:
        """Measure pairs [P] and put into `index` and `distance` [steps, n] what is nearer, or as near and comes first."""
        measured = self._measure(queries, query, item, step)
        order = np.lexsort((item, measured, query))
        query, best = np.unique(query[order], return_index=True)
        item, measured = item[order][best], measured[order][best]
        known = distance[step, query]
        better = (measured < known) | ((measured == known) & (item < index[step, query]))
        index[step, query[better]], distance[step, query[better]] = item[better], measured[better]

    def _ranks(
        self, side: _Operands, groups: tuple[np.ndarray, np.ndarray] | None, kind: torch.dtype
    ) -> Iterator[tuple[int, slice, int, Tensor]]:
        """Yield (step, rows of `side`, first gallery item, ranks [rows, items]): the less, the nearer; own group inf."""
        for first in range(0, len(self.gallery), self.sizes.gallery):
            part = slice(first, min(first + self.sizes.gallery, len(self.gallery)))
            items = self._operands(self.gallery[part], "gallery patch", first, True, kind)
            inverse = _inverse_roots(items.squares).to(kind) if self.cosine else None
            for start in range(0, side.squares.shape[1], self.sizes.queries):
                rows = slice(start, min(start + self.sizes.queries, side.squares.shape[1]))
                ranks = torch.zeros(rows.stop - rows.start, part.stop - first, dtype=kind, device=self.device)
                if groups is not None:
                    own = groups[1][rows, None] == groups[0][part]
                    ranks[torch.from_numpy(own).to(self.device)] = torch.inf
                for step, (left, right) in enumerate(zip(side.parts, items.parts, strict=True)):
                    _add_products(ranks, left[rows], right)
                    yield step, rows, first, ranks if inverse is None else ranks * inverse[step]

    def _operands(self, features: np.ndarray, what: str, start: int, gallery: bool, kind: torch.dtype) -> _Operands:
        """Return one side of the products in float32 or float64, so that they rank the gallery.

        Euclidean: query columns -2 x and 1, gallery columns y and (1 - 2 slack) |y|^2. Their sum and (1 - slack) |x|^2 is
        below the squared distance in exact arithmetic: it is off by at most slack (2 |x| |y| + |y|^2), and 2 |x| |y| is at
        most |x|^2 + |y|^2. Cosine: -x and y, divided by |y| afterwards.
        """
        values = torch.from_numpy(np.array(features)).to(self.device).to(kind)
        if not (finite := values.sum(1).isfinite()).all():
            row = start + int(finite.int().argmin())
            raise AtlasError(f"1-NN: the features of {what} {row} are not finite; run that pass again in float32")
        columns = (values.index_select(1, self.columns) - self.centre).split(self.widths, 1)
        squares = torch.stack([part.square().sum(1, dtype=torch.float64) for part in columns])
        scaled = [part.contiguous() if gallery else part * (-1 if self.cosine else -2) for part in columns]
        if not self.cosine:
            last = (1 - 2 * self._slack(kind)) * squares if gallery else torch.ones_like(squares)
            scaled = [torch.cat([part, more.to(kind)[:, None]], 1) for part, more in zip(scaled, last, strict=True)]
        return _Operands(scaled, squares.cumsum(0))

    def _bounds(self, ranks: Tensor, squares: Tensor, kind: torch.dtype) -> Tensor:
        """Return what no distance (Euclidean: squared) of an item with such a rank is below, given the query's `squares`."""
        if self.cosine:
            return 1 + ranks * _inverse_roots(squares) - self._slack(kind)
        return ranks + (1 - self._slack(kind)) * squares

    def _slack(self, kind: torch.dtype) -> float:
        """Return how far a sum of products may be off, as a share of the sum of the absolute products.

        At most as many units of roundoff as there are products, whatever their order (Higham, Accuracy and Stability of
        Numerical Algorithms, section 3.1); some more for rounded operands, and in float64 several times as many, because there
        squares and measured distances are no more exact than the products.
        """
        sums = sum(self.widths) + len(self.widths) + 16
        return (1.01 if kind == torch.float32 else 8) * sums * torch.finfo(kind).eps / 2

    def _measure(self, queries: np.ndarray, query: np.ndarray, item: np.ndarray, step: int) -> np.ndarray:
        """Return 1 - cosine or the squared distance of pairs, [P] float64, over the columns left; inf for item -1."""
        columns = torch.sort(self.columns[: sum(self.widths[: step + 1])]).values
        found = np.full(len(query), np.inf)
        pairs = max(1, _EXACT_VALUES // queries.shape[1])
        there = np.flatnonzero(item >= 0)
        for start in range(0, len(there), pairs):
            part = there[start : start + pairs]
            x, y = (
                torch.from_numpy(np.array(side[rows])).to(self.device).double().index_select(1, columns)
                for side, rows in ((queries, query[part]), (self.gallery, item[part]))
            )
            if self.cosine:
                lengths = _inverse_roots(x.square().sum(1)) * _inverse_roots(y.square().sum(1))
                measured = 1 - (x * y).sum(1) * lengths
            else:
                measured = (x - y).square_().sum(1)
            found[part] = measured.cpu().numpy()
        return found

    def _mean(self) -> Tensor:
        total = np.zeros(self.gallery.shape[1])
        for start in range(0, len(self.gallery), self.sizes.gallery):
            total += self.gallery[start : start + self.sizes.gallery].sum(0, dtype=np.float64)
        return torch.from_numpy((total / len(self.gallery)).astype(np.float32)).to(self.device)[self.columns]


@contextmanager
def _cores_for_products(device: torch.device) -> Iterator[None]:
    """Leave the cores to the BLAS of `_add_products`, on a CPU.

    PyTorch's threads wait for their next work in a loop; on the cores of the products they made a search three times as long.
    """
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _add_products(ranks: Tensor, left: Tensor, right: Tensor) -> None:
    """Add left [n, k] @ right [g, k].T to `ranks` [n, g] in place."""
    if ranks.is_cuda:
        ranks.addmm_(left, right.T)
        return
    # NumPy's and SciPy's BLAS: PyTorch's is a seventh slower on processors of AMD.
    multiply = sgemm if ranks.dtype == torch.float32 else dgemm
    multiply(1, right.numpy().T, left.numpy().T, 1, ranks.numpy().T, trans_a=True, overwrite_c=True)


def _inverse_roots(squares: Tensor) -> Tensor:
    """Return 1 / sqrt, and 1 of 0."""
    return torch.where(squares > 0, squares, 1).rsqrt()


def _keep_best(values: Tensor, items: Tensor, ranks: Tensor, first: int) -> None:
    """Keep the best of `values` [n, 4] (of `items`, both changed in place) and of `ranks` [n, g] of items from `first` on.

    An item among the best four lies in one of the four groups of smallest minimum. Items are dealt out to groups in turn.
    """
    if ranks.shape[1] % _GROUP:
        ranks = pad(ranks, (0, -ranks.shape[1] % _GROUP), value=torch.inf)
    n_groups = ranks.shape[1] // _GROUP
    dealt = ranks.unflatten(1, (_GROUP, n_groups))
    least = dealt.amin(1)
    rows = (least.amin(1) < values.amax(1)).nonzero()[:, 0]
    if not len(rows):
        return
    groups = least[rows].topk(min(_CANDIDATES, n_groups), largest=False).indices
    among = dealt[rows[:, None], :, groups].flatten(1)
    place = torch.arange(_GROUP, device=ranks.device) * n_groups + groups[..., None] + first
    every = torch.cat([values[rows], among], 1)
    best, order = every.topk(_CANDIDATES, largest=False)
    values[rows] = best
    chosen = torch.cat([items[rows], place.flatten(1)], 1).gather(1, order)
    items[rows] = torch.where(best < torch.inf, chosen, -1)  # no padding, and none of the query's own group
