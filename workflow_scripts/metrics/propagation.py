"""Label propagation through a video by patch-token similarity, one step at a time.

Every cell of the patch grid takes its soft label from the most similar cells of earlier frames: Jabri et al. 2020
(arXiv 2006.14613) with the parameters of Caron et al. 2021 (DINO, arXiv 2104.14294, section 4.2.2), which
Walmer et al., "Teaching Matters" (arXiv 2212.03862) take over. No training, no first frame but the given one.

Shapes: N patch tokens in row-major order on a patch grid of R rows and C columns, F context frames, K label channels
(channel 0 is background), D token width.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

N_LAST = 7
RADIUS = 12
TOP_K = 5
TEMPERATURE = 0.1

# Similarities of one block of queries, in bytes: near the caches of a CPU, few kernel launches on a GPU.
_BLOCK_BYTES = {"cpu": 1 << 26, "cuda": 1 << 30}


def unit(tokens: Tensor) -> Tensor:
    """Return tokens [..., D] of any float type with Euclidean norm 1, in float32; a zero token stays zero."""
    return F.normalize(tokens.float(), dim=-1)


def context_frames(frame: int, n_last: int = N_LAST) -> list[int]:
    """Return the frames (0-based, ascending) whose labels frame `frame` >= 1 draws on: frame 0 and the last `n_last`.

    Frame 0 is never taken twice, so the first frames of a video have a shorter context.
    """
    return [0, *range(max(1, frame - n_last), frame)]


def propagate(
    query: Tensor,
    context: Tensor,
    labels: Tensor,
    grid: tuple[int, int],
    radius: int = RADIUS,
    top_k: int = TOP_K,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """Return the soft labels of one frame, [K, N] float32; the channels of a cell add up to what its sources' do (1).

    A query cell weighs a context cell by exp(cosine / temperature). Cells more than `radius` rows or columns away have
    weight 0. Over the cells of all context frames together, the `top_k`-th largest weight of a query is its threshold:
    smaller weights become 0, ties with it (equal float32 cosines) are kept. The weights are divided by their sum and
    applied to the labels. Where the window holds fewer than `top_k` cells the threshold is a weight of 0: all are kept.

    Args:
        query: [N, D] tokens of the frame, of norm 1 (`unit`); computed in float32 whatever the type.
        context: [F, N, D] tokens of the context frames, of norm 1; their order does not matter.
        labels: [K, F, N] soft labels of the context frames, neither quantised nor rescaled.
        grid: (R, C).
        radius: half side of the square window in cells; 0 does not restrict.
        top_k: number of weights that are kept, ties aside.
        temperature: T of the weights.
    """
    rule = (radius, top_k, temperature)
    query, context = (_long_first(tokens, grid, -2).float() for tokens in (query, context))
    result = _step(query, context, _long_first(labels, grid, -1).float(), _long_grid(grid), *rule)
    return _row_major(result, grid)


class Propagation:
    """The labels of one video as they pass from frame to frame; the same numbers as `propagate`, without copying context.

    Holds the tokens of the context frames (frame 0 and the last `n_last`), (n_last + 1) x N x D float32.
    """

    def __init__(
        self,
        tokens: Tensor,
        labels: Tensor,
        grid: tuple[int, int],
        n_last: int = N_LAST,
        radius: int = RADIUS,
        top_k: int = TOP_K,
        temperature: float = TEMPERATURE,
    ) -> None:
        """Start from frame 0.

        Args:
            tokens: [N, D] tokens of frame 0, of norm 1 (`unit`).
            labels: [K, N] its given labels, one-hot over the channels.
            grid: (R, C).
            n_last: number of latest frames in the context besides frame 0.
            radius: see `propagate`.
            top_k: see `propagate`.
            temperature: see `propagate`.
        """
        self.grid, self.n_last = grid, n_last
        self._rule = (radius, top_k, temperature)
        self._frames = 0
        # Frame 0 stays in slot 0, the others take turns: the order of the context does not matter.
        like = {"device": tokens.device, "dtype": torch.float32}
        self._context = torch.empty(n_last + 1, *tokens.shape, **like)
        self._labels = torch.empty(len(labels), n_last + 1, labels.shape[1], **like)
        self._remember(_long_first(tokens, grid, -2), _long_first(labels, grid, -1))

    def step(self, query: Tensor) -> Tensor:
        """Return the soft labels [K, N] of the next frame from its tokens [N, D] of norm 1; both join the context."""
        query = _long_first(query, self.grid, -2).float()
        filled = slice(0, min(self._frames, self.n_last + 1))
        result = _step(query, self._context[filled], self._labels[:, filled], _long_grid(self.grid), *self._rule)
        self._remember(query, result)
        return _row_major(result, self.grid)

    def _remember(self, tokens: Tensor, labels: Tensor) -> None:
        slot = 1 + (self._frames - 1) % self.n_last if self._frames and self.n_last else 0
        if slot or not self._frames:
            self._context[slot] = tokens
            self._labels[:, slot] = labels
        self._frames += 1


def _step(
    query: Tensor, context: Tensor, labels: Tensor, grid: tuple[int, int], radius: int, top_k: int, temperature: float
) -> Tensor:
    """Return `propagate` of float32 tensors in the order of a patch grid whose rows are the longer axis.

    Blocks of queries run along the longer axis, where the window leaves most out, and the context of a block is one
    stretch of every frame's memory.
    """
    rows, columns = grid
    blocks = _blocks(rows, columns, len(context), radius, query.device)
    # One buffer for all blocks: fresh memory would cost as much as the product that fills it.
    shapes = [(len(context), (stop - start) * columns, (high - low) * columns) for start, stop, low, high in blocks]
    buffer = query.new_empty(max(map(math.prod, shapes)))
    pieces = []
    for shape, (start, stop, low, high) in zip(shapes, blocks, strict=True):
        cells = slice(low * columns, high * columns)
        block = query[start * columns : stop * columns].expand(len(context), -1, -1)
        similarity = buffer[: math.prod(shape)].view(shape)
        # A product per frame, so that a repeated frame repeats its similarities to the last bit and ties stay ties.
        torch.bmm(block, context[:, cells].transpose(1, 2), out=similarity)
        window = _window(start - low, stop - low, high - low, columns, radius, query.device)
        pieces.append(_pool(similarity, window, labels[:, :, cells], top_k, temperature))
    return torch.cat(pieces, 1)


def _pool(similarity: Tensor, window: Tensor, labels: Tensor, top_k: int, temperature: float) -> Tensor:
    """Return [K, Q] labels of a block from similarities [F, Q, S], their window [Q, S] and labels [K, F, S]."""
    frames, _, cells = similarity.shape
    # One more than is kept shows a tie. The largest of all frames lie in the cells that are the largest in any frame.
    count = min(top_k + 1, cells)
    cell = similarity.amax(0).add_(window).topk(count, sorted=False).indices
    value = similarity.gather(2, cell.expand(frames, -1, -1)) + window.gather(1, cell)
    value, place = value.transpose(0, 1).flatten(1).topk(min(top_k + 1, frames * count))
    kept = place[:, :top_k]
    # Relative to the largest, a weight cannot overflow; the common factor leaves with the division.
    weight = torch.exp((value[:, :top_k] - value[:, :1]) / temperature)
    weight /= weight.sum(1, keepdim=True)
    result = (labels[:, kept // count, cell.gather(1, kept % count)] * weight).sum(-1)
    if value.shape[1] > top_k:
        threshold = value[:, top_k - 1]
        tied = (value[:, top_k] == threshold) & threshold.isfinite()
        if tied.any():
            within = similarity[:, tied] + window[tied]
            result[:, tied] = _keep_ties(within, labels, value[tied, 0], threshold[tied], temperature)
    return result


def _keep_ties(similarity: Tensor, labels: Tensor, largest: Tensor, threshold: Tensor, temperature: float) -> Tensor:
    """Return [K, Q] labels of queries with more than `top_k` of their similarities [F, Q, S] at or above the threshold [Q]."""
    weight = torch.exp((similarity - largest[:, None]) / temperature)
    weight = torch.where(similarity >= threshold[:, None], weight, 0)
    weight = weight.transpose(0, 1).flatten(1)
    return labels.flatten(1) @ (weight / weight.sum(1, keepdim=True)).T


def _long_grid(grid: tuple[int, int]) -> tuple[int, int]:
    return max(grid), min(grid)


def _long_first(cells: Tensor, grid: tuple[int, int], axis: int) -> Tensor:
    """Return an array with patch tokens along `axis` (< 0) in the order of a grid turned so that its rows are longer."""
    return _turned(cells, grid, axis) if grid[1] > grid[0] else cells


def _row_major(labels: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return [K, N] labels in `_long_first` order in the order of the patch grid."""
    return _turned(labels, grid[::-1], -1) if grid[1] > grid[0] else labels


def _turned(cells: Tensor, grid: tuple[int, int], axis: int) -> Tensor:
    return cells.unflatten(axis, grid).transpose(axis - 1, axis).flatten(axis - 1, axis)


def _blocks(rows: int, columns: int, frames: int, radius: int, device: torch.device) -> list[tuple[int, int, int, int]]:
    """Return blocks of queries (start, stop, low, high): their rows, and the rows of the context that they may reach.

    On a CPU they are low enough to save work and high enough to keep the products large.
    """
    reach = radius or rows
    # height x (height + 2 reach, but not more than all rows) of these fill the bytes.
    area = _BLOCK_BYTES.get(device.type, _BLOCK_BYTES["cpu"]) / (4 * frames * columns**2)
    height = max(1, int(area / rows), int(math.sqrt(reach**2 + area) - reach))
    if radius and device.type == "cpu":
        height = min(height, radius // 2 + 1)
    count = -(-rows // height)
    edges = [rows * i // count for i in range(count + 1)]
    return [(start, stop, max(0, start - reach), min(rows, stop + reach)) for start, stop in pairwise(edges)]


@lru_cache(maxsize=8)
def _window(start: int, stop: int, rows: int, columns: int, radius: int, device: torch.device) -> Tensor:
    """Return [Q, S]: 0 where a cell lies in the window of a query, -inf elsewhere; do not change it in place.

    Args:
        start: first row of the queries, counted in the rows of the cells.
        stop: end of their rows.
        rows: rows of the cells.
        columns: columns of both.
        radius: half side of the window, 0 for all cells.
        device: where to make it.
    """
    row, column = torch.arange(rows, device=device), torch.arange(columns, device=device)
    far_row = (row[start:stop, None] - row).abs() > radius
    far_column = (column[:, None] - column).abs() > radius
    far = (far_row[:, None, :, None] | far_column[:, None, :]) & (radius > 0)
    window = torch.zeros(far.shape, device=device).masked_fill_(far, -torch.inf)
    return window.view((stop - start) * columns, rows * columns)
