"""How much the attention of a patch token depends on where the token is: mutual information of keys and queries.

Yu et al. 2026 (arXiv 2605.29691v1), figure 8 of its HTML version: the mutual information of Park et al., "What Do
Self-Supervised Vision Transformers Learn?" (ICLR 2023, arXiv 2305.00729), without the 1e-8 that its public code adds and
without the division by the root of the entropies' product. The paper does not say in which order heads are averaged, prefix
tokens dropped and rows renormalised: `head_average` is ours, after the head averages that the figure shows; the code of Park
et al. takes each head's information and the mean of those.

Shapes: B images, H heads, T tokens (prefix tokens first), N patch tokens in row-major order on a patch grid of R rows and C
columns (T = n_prefix + N). Attention is [B, H, T, T], query token on the second last axis, key token on the last; rows sum to
1. Information is in nats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.attention import patch_attention

# Entries above this percentile of a matrix are drawn (figure 8a).
PERCENTILE = 95


def head_average(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the attention of all heads together among patch tokens, [B, N, N], rows sum to 1.

    The probabilities are averaged over heads first, prefix tokens are dropped after that, and the rows renormalised: a head
    whose query attends to prefix tokens alone says nothing of that query's row. A row without mass on patch tokens is zero.
    """
    return patch_attention(attention.mean(1), n_prefix)


def information(patches: Tensor) -> Tensor:
    """Return the mutual information I(K, Q) of keys and queries, [...], in nats, between 0 and ln N.

    I = sum over k, q of P(k, q) ln[P(k, q) / (P(k) P(q))], every query equally likely: P(k, q) is the attention of query q to
    key k divided by the number of queries. 0 where all queries attend alike (vertical stripes), ln N where each attends to a
    key of its own.

    Args:
        patches: [..., N, N] attention among patch tokens, rows sum to 1. A row of zeros (a query that attends to prefix
            tokens alone) is no distribution: its query is left out, and the others share P(q). NaN if all are such.
    """
    patches = patches.to(torch.promote_types(patches.dtype, torch.float32))
    queries = (patches.sum(-1) > 0).sum(-1).double()
    # H(K) - H(K|Q). What is summed over more than a row, or subtracted, is in float64, which the matrix is not copied to.
    # p ln p by parts: torch.special.entr and xlogy take four times as long on a CPU. 0 ln 0 is 0 times a finite number.
    logarithms = patches.clamp(min=torch.finfo(patches.dtype).tiny).log_()
    within = -logarithms.mul_(patches).sum(-1).double().sum(-1) / queries
    overall = torch.special.entr(patches.sum(-2).double() / queries[..., None]).sum(-1)
    return (overall - within).clamp(min=0)


def binarised(matrix: np.ndarray, percentile: float = PERCENTILE) -> np.ndarray:
    """Return which entries of an attention matrix [N, N] lie above its `percentile` (figure 8a), bool.

    The percentile is over all N^2 entries, interpolated linearly. Entries equal to it are not above it, so that of a matrix of
    equal entries none is drawn.
    """
    return matrix > np.percentile(matrix, percentile)


def query_cells(places: Sequence[Sequence[float]], grid: tuple[int, int]) -> list[int]:
    """Return the patch tokens in which places of an image lie, row-major.

    Args:
        places: (x, y) from the top left corner, as shares of the image's width and height, in [0, 1].
        grid: (R, C) of the patch grid.

    Raises:
        AtlasError: a place lies outside the image.
    """
    if outside := [place for place in places if not all(0 <= share <= 1 for share in place)]:
        raise AtlasError(f"query at {list(outside[0])}: x and y are shares of the image; choose numbers from 0 to 1")
    rows, columns = grid
    return [min(math.floor(y * rows), rows - 1) * columns + min(math.floor(x * columns), columns - 1) for x, y in places]
