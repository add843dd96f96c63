"""Attention statistics of Walmer et al. 2023, on torch tensors of post-softmax attention.

Shapes: B images, H heads, T tokens (prefix tokens first), N patch tokens in row-major order on a patch grid of R rows and
C columns (T = n_prefix + N). Attention is [B, H, T, T], source (query) token on the second last axis, destination (key)
token on the last; rows sum to 1. Definitions follow Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862),
sections 3.1 to 3.4; where that study's public code differs from the sane reading, the variant has a name of its own.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from workflow_scripts.metrics.mass import ATTENTION_MASS

# The share of patch tokens that `top_token_share` looks at; ours, the study judges by eye.
TOP_TOKENS = 0.1
# Terms of one float32 dot product of the attention distance: the more are added one after another, the more digits are lost.
# With as many the error stays below 1e-6 (measured on grids up to 40 x 40); all N^2 in one lost 1e-4 on a grid of 28 x 28.
_TERMS = 4096


def patch_attention(attention: Tensor, n_prefix: int) -> Tensor:
    """Return attention among patch tokens with every row renormalised to sum 1, [B, H, N, N].

    Prefix tokens are dropped as source and destination. A row whose mass lies wholly on prefix tokens stays all zero.
    """
    patches = attention[..., n_prefix:, n_prefix:]
    mass = patches.sum(-1, keepdim=True)
    return patches * torch.where(mass > 0, 1 / mass, torch.zeros_like(mass))


def grid_coordinates(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Return [N, 2] (x, y) of the patch tokens, the longer side of the patch grid spanning [0, 1].

    On a square grid this is the unit square of the study (diagonal sqrt 2); a non-square grid keeps its proportions.
    """
    rows, columns = grid
    scale = 1 / max(rows - 1, columns - 1, 1)
    y, x = torch.meshgrid(
        torch.arange(rows, device=device) * scale, torch.arange(columns, device=device) * scale, indexing="ij"
    )
    return torch.stack([x, y], -1).reshape(-1, 2).float()


@lru_cache(maxsize=4)
def distance_table(grid: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """Return [N, N] Euclidean distances between patch tokens in units of the patch grid's longer side.

    Made once per patch grid and device; do not change it in place.
    """
    points = grid_coordinates(grid, device).double()
    return (points[:, None] - points[None]).norm(dim=-1).float()


def attention_distance(patches: Tensor, distances: Tensor) -> Tensor:
    """Return the attention distance of every image and head, [B, H], in units of the patch grid's longer side.

    Args:
        patches: [B, H, N, N] from `patch_attention`.
        distances: [N, N] from `distance_table`.

    Returns:
        The plain mean over all N source tokens of the attention-weighted distance, within 2e-6 of float64. An all-zero row
        contributes 0 and still counts (the study's public code).
    """
    n_sources = distances.shape[0]
    step = max(1, _TERMS // n_sources)
    parts = [
        patches[:, :, start : start + step].flatten(2) @ distances[start : start + step].flatten()
        for start in range(0, n_sources, step)
    ]
    return (torch.stack(parts).double().sum(0) / n_sources).to(patches.dtype)


def average_attention(attention: Tensor, patches: Tensor, n_prefix: int) -> dict[str, Tensor]:
    """Return sums over the batch of the average attention that each token receives, each [H, T].

    Keys: ``all`` (mean over all T sources), ``cls`` (source token 0), ``spatial`` (mean over patch sources) and
    ``spatial_pure`` (mean over patch sources of the rows renormalised over patch tokens; 0 at prefix tokens).
    """
    batch_sum = attention.sum(0)
    pure = torch.zeros_like(batch_sum[:, 0])
    pure[:, n_prefix:] = patches.sum(0).mean(-2)
    return {
        "all": batch_sum.mean(-2),
        "cls": batch_sum[:, 0],
        "spatial": batch_sum[:, n_prefix:].mean(-2),
        "spatial_pure": pure,
    }


def aligned_attention(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return the sum over the batch of the aligned aggregated map, [H, 2R-1, 2C-1], source token at the centre.

    The destination map of each source (i, j) is added with its top-left corner at (R-1-i, C-1-j), so displacement
    (dy, dx) lands at (R-1+dy, C-1+dx); the sum is divided by the N sources. Large displacements, which few sources can
    reach, are not corrected for (section 3.2).
    """
    rows, columns = grid
    total = patches.sum(0).reshape(-1, rows, columns, rows, columns)
    canvas = total.new_zeros(total.shape[0], 2 * rows - 1, 2 * columns - 1)
    for i in range(rows):
        # One source row at a time: its sources differ in the column offset alone.
        for j in range(columns):
            canvas[:, rows - 1 - i : 2 * rows - 1 - i, columns - 1 - j : 2 * columns - 1 - j] += total[:, i, j]
    return canvas / (rows * columns)


def spatial_to_cls(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the mean attention of patch tokens on the CLS token (destination 0), [B, H], in [0, 1]."""
    return attention[..., n_prefix:, 0].mean(-1)


def spatial_to_first_patch(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the mean attention of patch tokens on the first patch token, [B, H], in [0, 1].

    The study's public code reads destination 1, the top-left patch of a model with one prefix token, where it means the
    CLS token; kept under its own name so that curves made with that code can be compared.
    """
    return attention[..., n_prefix:, n_prefix].mean(-1)


def position_deviation(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the sample standard deviation (ddof 1) over patch sources, averaged over patch destinations, [B, H].

    The rows are not renormalised. Needs at least two patch tokens.
    """
    patches = attention[..., n_prefix:, n_prefix:]
    return _sample_deviation(patches, -2).mean(-1)


def head_deviation(attention: Tensor, n_prefix: int) -> Tensor:
    """Return the sample standard deviation (ddof 1) over heads, averaged over patch sources and destinations, [B].

    The rows are not renormalised. NaN for a model with one head.
    """
    patches = attention[..., n_prefix:, n_prefix:]
    return _sample_deviation(patches, 1).mean((-1, -2))


def top_token_share(patches: Tensor, share: float = TOP_TOKENS) -> Tensor:
    """Return how much of all attention the most attended patch tokens of an image receive, [B, H], in (0, 1].

    The attention of all sources is averaged first, so a high value means that every source attends to the same few
    tokens, wherever they lie in this image: the sparse repeating patterns of section 3.1.

    Args:
        patches: [B, H, N, N] from `patch_attention`.
        share: share of the N tokens that count as the most attended, rounded up.
    """
    received = patches.mean(-2)
    top = received.topk(math.ceil(share * received.shape[-1]), dim=-1).values.sum(-1)
    total = received.sum(-1)
    return top / torch.where(total > 0, total, torch.ones_like(total))


def source_rows(attention: Tensor, n_prefix: int, grid: tuple[int, int]) -> dict[str, Tensor]:
    """Return the vectors over patch destinations that become masks, each [B, H, N].

    Keys: ``cls`` (source token 0), ``spatial`` (sum over patch sources of the raw rows), ``centre`` (the patch token at
    1-based row and column K/2 of an even, (K+1)/2 of an odd grid side K).
    """
    to_patches = attention[..., n_prefix:]
    row, column = ((side + 1) // 2 - 1 for side in grid)
    return {
        "cls": to_patches[:, :, 0],
        "spatial": to_patches[:, :, n_prefix:].sum(-2),
        "centre": to_patches[:, :, n_prefix + row * grid[1] + column],
    }


def mass_mask(values: Tensor, mass: float = ATTENTION_MASS) -> Tensor:
    """Return the boolean mask of the smallest set of largest values that holds at least `mass` of the sum.

    Args:
        values: [..., N], not negative.
        mass: share of the sum to keep, in (0, 1].

    Returns:
        [..., N]. Entries sorted ascending (stable) are kept where the inclusive cumulative share exceeds 1 - mass; an
        all-zero vector gives an empty mask.
    """
    values = values.double()
    total = values.sum(-1, keepdim=True)
    ordered, order = torch.sort(values / torch.where(total > 0, total, 1.0), dim=-1, stable=True)
    kept = ordered.cumsum(-1) > 1 - mass
    mask = torch.zeros_like(kept).scatter_(-1, order, kept)
    return mask & (total > 0)


def merge_heads(values: Tensor, source: str) -> Tensor:
    """Return one vector per image from the vectors of all heads, [B, N].

    As in the study's public code, ``cls`` and ``centre`` vectors are normalised to sum 1 per head before they are added,
    ``spatial`` vectors are added raw.

    One case differs. A head without mass on patch tokens (its CLS row lies wholly on prefix tokens) is left out here and the
    other heads are merged. The public code divides 0 by 0 there: one such head makes the merged vector NaN and its mask
    empty, an IoU of 0 for the image. That rule, *empty if any head is*, is not offered: it says nothing of the other heads.
    """
    if source != "spatial":
        total = values.sum(-1, keepdim=True)
        values = values * torch.where(total > 0, 1 / total, torch.zeros_like(total))
    return values.sum(1)


def mask_iou(mask: Tensor, truth: Tensor) -> Tensor:
    """Return intersection over union along the last axis of two boolean masks; 0 where both are empty."""
    intersection = (mask & truth).sum(-1)
    union = (mask | truth).sum(-1)
    return (intersection / union.clamp(min=1)).float()


def _sample_deviation(values: Tensor, dim: int) -> Tensor:
    # Two whole-array passes: torch.std over a dimension that is not the last is five to ten times slower on a CPU.
    centred = values - values.mean(dim, keepdim=True)
    squares = centred.square_().sum(dim)
    return (squares / (values.shape[dim] - 1)).sqrt_()
