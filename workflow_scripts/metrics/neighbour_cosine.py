"""How alike a patch is to its neighbours on the grid, as the patch embedding puts it out.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 2.2): cosine similarity of each patch with its
4 neighbours "right after the patch embedding layer", apart for patches with a high output norm and others.

Shapes: B images, patch grids of R rows and C columns, N = R x C patches in row-major order.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def neighbour_cosines(features: Tensor, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the cosines of each patch with the one to its right [B, R, C - 1] and with the one below [B, R - 1, C].

    Args:
        features: [B, N, D]; a patch of zeros has cosine 0 with any other.
        grid: (R, C).
    """
    unit = normalize(features, dim=-1).unflatten(1, grid)
    right = (unit[:, :, :-1] * unit[:, :, 1:]).sum(-1)
    below = (unit[:, :-1] * unit[:, 1:]).sum(-1)
    return right, below


def pairs_of_patches(right: Tensor, below: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines of all patches with all of their neighbours, every pair seen from both sides.

    Args:
        right: [B, R, C - 1].
        below: [B, R - 1, C].

    Returns:
        The patch of each value, [P] int64 in row-major order, and the values [B, P]; P = 2 (R (C - 1) + (R - 1) C).
    """
    rows, columns = right.shape[1], below.shape[2]
    cell = torch.arange(rows * columns, device=right.device).reshape(rows, columns)
    patch = torch.cat([part.flatten() for part in (cell[:, :-1], cell[:, 1:], cell[:-1], cell[1:])])
    beside, under = right.flatten(1), below.flatten(1)
    return patch, torch.cat([beside, beside, under, under], 1)


def mean_cosines(right: Tensor, below: Tensor) -> Tensor:
    """Return the mean cosine of each patch with its 2 to 4 neighbours, [B, N]; 1 neighbour in a line, NaN without any.

    Args:
        right: [B, R, C - 1].
        below: [B, R - 1, C].
    """
    total = right.new_zeros(len(right), right.shape[1], below.shape[2])
    number = torch.zeros_like(total[:1])
    # Slice by slice, and not scattered: on a GPU too, the order of the sum is then the same every time.
    for cosines, here, there in (
        (right, (..., slice(None, -1)), (..., slice(1, None))),
        (below, (slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        for side in (here, there):
            total[side] += cosines
            number[side] += 1
    return (total / number).flatten(1)
