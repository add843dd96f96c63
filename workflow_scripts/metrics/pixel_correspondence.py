"""Semantic correspondence by pixels: where keypoints of one image lie in another, by the cosine of upsampled embeddings.

Yu et al. 2026 (arXiv 2605.29691v1), appendix A.7, equation 4: the embeddings of both images are upsampled to the images'
resolution, and a keypoint is found at the target pixel whose embedding has the largest cosine with the keypoint's own. The
embeddings are normalised after upsampling, so that a pixel between two tokens is compared by its direction alone; the rules of
`metrics.correspondence` normalise the tokens before and not again.

Nothing here is as large as an upsampled map of embeddings. Upsampling is linear, so dot products with the reference are
interpolated instead of features; and the squared norm of a bilinear combination of four neighbouring tokens is quadratic in
the weights, with the dot products among the four as coefficients, which are computed once on the patch grid.

Pixel coordinates are as in `metrics.correspondence`: the centre of pixel (row r, column c) is at (x, y) = (c + 0.5, r + 0.5).
Sizes are (height, width) in pixels, grids (rows, columns) in patches.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.metrics.correspondence import bilinear_weights

# A pixel where tokens cancel to less than this share of their own mean square has no direction: its dot products with
# references are rounding errors. Its cosine is taken as 0.
_CANCELLED = 1e-6
# Similarities that are in memory at once: on a processor those that stay in its cache, elsewhere enough to keep it busy.
_AT_ONCE = {"cpu": 1 << 18}
_AT_ONCE_ELSEWHERE = 1 << 25


class Area(NamedTuple):
    """The part of a target that is searched, in pixels; the ends are exclusive."""

    top: int
    left: int
    bottom: int
    right: int


def pixel_references(tokens: Tensor, grid: tuple[int, int], size: tuple[int, int], points: Tensor) -> Tensor:
    """Return the embeddings at keypoints, interpolated bilinearly between the centres of tokens, [K, D] float32.

    As `torch.nn.functional.interpolate` (align_corners=False) has them at the centre of a pixel, but at any place.

    Args:
        tokens: [N, D] patch tokens of the source image, not normalised.
        grid: (R, C) of its patch grid.
        size: of the image.
        points: [K, 2] keypoints (x, y) in pixels; beyond the outermost centres of tokens the embedding is constant.
    """
    x, y = points.cpu().unbind(-1)
    at_rows, at_columns = (bilinear_weights(*axis) for axis in ((y, grid[0], size[0]), (x, grid[1], size[1])))
    return (at_rows[:, :, None] * at_columns[:, None]).flatten(1).to(tokens.device) @ tokens.float()


def match_pixels(references: Tensor, target: Tensor, grid: tuple[int, int], size: tuple[int, int], area: Area) -> Tensor:
    """Return the centres (x, y) of the target pixels with the largest cosine to each reference, [K, 2] float32 (CPU).

    Of equal pixels the first in row-major order. Cosines are within 1e-5 of float64 where neighbouring tokens do not cancel;
    memory does not depend on D beyond the arguments' own.

    Args:
        references: [K, D] from `pixel_references`, of any length.
        target: [N, D] patch tokens of the target image, not normalised.
        grid: (R, C) of its patch grid.
        size: of the image that the grid covers, padding included.
        area: where the image lies in it; only its pixels are searched.

    Raises:
        ValueError: the area is empty or reaches beyond the image.
    """
    if not (0 <= area.top < area.bottom <= size[0] and 0 <= area.left < area.right <= size[1]):
        raise ValueError(f"{area} does not lie in an image of {size[0]} x {size[1]} pixels")
    device, n_points = target.device, len(references)
    pixel_rows = _distinct(area.top, area.bottom, grid[0], size[0])
    pixel_columns = _distinct(area.left, area.right, grid[1], size[1])
    up_rows = bilinear_weights(pixel_rows + 0.5, grid[0], size[0]).to(device)
    up_columns = bilinear_weights(pixel_columns + 0.5, grid[1], size[1]).to(device)
    inverse = _inverse_norms(target.double().unflatten(0, grid), up_rows.double(), up_columns.double())
    products = (references.float() @ target.float().T).unflatten(1, grid)
    # [R, K, W]: upsampled along the columns already; a band of rows is then one matrix product.
    maps = (products @ up_columns.T).transpose(0, 1).contiguous()
    step = max(1, _AT_ONCE.get(device.type, _AT_ONCE_ELSEWHERE) // max(1, maps[0].numel()))
    # First the row of the largest cosine, then its place in that row: positions are dearer to find than values.
    largest = torch.cat(
        [
            (weights @ maps.flatten(1)).unflatten(1, (n_points, len(up_columns))).mul_(scale[:, None]).amax(-1)
            for weights, scale in zip(up_rows.split(step), inverse.split(step), strict=True)
        ]
    )
    row = largest.argmax(0)
    along = torch.einsum("kr,rkw->kw", up_rows[row], maps) * inverse[row]
    column = along.argmax(-1).cpu()
    return torch.stack([pixel_columns[column], pixel_rows[row.cpu()]], -1).float() + 0.5


def cosine_maps(references: Tensor, target: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return the cosine of each reference with every pixel of the target, [K, H, W] float32 in [-1, 1] up to rounding.

    What `match_pixels` searches, for looking at (figures 16 to 19 of the HTML version); 0 where a pixel has no direction.

    Args:
        references: [K, D] from `pixel_references`, of any length.
        target: [N, D] patch tokens of the target image, not normalised.
        grid: (R, C) of its patch grid.
        size: (H, W) of the maps, which need not be that of the image.
    """
    up_rows, up_columns = (
        bilinear_weights(torch.arange(side) + 0.5, cells, side).to(target.device)
        for cells, side in zip(grid, size, strict=True)
    )
    products = (normalize(references.float(), dim=1) @ target.float().T).unflatten(1, grid)
    return (
        up_rows
        @ products
        @ up_columns.T
        * _inverse_norms(target.double().unflatten(0, grid), up_rows.double(), up_columns.double())
    )


def _distinct(start: int, stop: int, cells: int, side: int) -> Tensor:
    """Return the pixels of an axis from `start` to `stop` (exclusive) without those that repeat the one before.

    Beyond the outermost centres of tokens an upsampled map is constant along the axis: the first pixel stands for all.
    """
    pixels = torch.arange(start, stop)
    place = ((pixels.double() + 0.5) * cells / side - 0.5).clamp(0, cells - 1)
    return pixels[torch.cat([torch.ones(1, dtype=torch.bool), place[1:] != place[:-1]])]


def _inverse_norms(tokens: Tensor, up_rows: Tensor, up_columns: Tensor) -> Tensor:
    """Return 1 over the norm of the upsampled tokens at all chosen pixels, [H, W] float32; 0 where there is no direction.

    Args:
        tokens: [R, C, D] float64: where neighbours cancel, float32 would leave nothing but rounding.
        up_rows: [H, R] float64 weights of `bilinear_weights`.
        up_columns: [W, C] float64.
    """
    # Of two neighbours with weights u and v: |u a + v b|^2 = u^2 a.a + v^2 b.b + 2 u v a.b; first along columns, then rows.
    square_columns, both_columns = up_columns**2, up_columns[:, 1:] * up_columns[:, :-1]
    square_rows, both_rows = up_rows**2, up_rows[:, 1:] * up_rows[:, :-1]
    own = tokens.square().sum(-1)
    right = _dot(tokens[:, :-1], tokens[:, 1:])
    below = _dot(tokens[:-1], tokens[1:])
    across = _dot(tokens[:-1, :-1], tokens[1:, 1:]) + _dot(tokens[:-1, 1:], tokens[1:, :-1])
    within_row = own @ square_columns.T + 2 * right @ both_columns.T
    between_rows = below @ square_columns.T + across @ both_columns.T
    squares = square_rows @ within_row + 2 * both_rows @ between_rows
    uncancelled = up_rows @ (own @ up_columns.T)
    return torch.where(squares > _CANCELLED * uncancelled, squares.rsqrt(), 0.0).float()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)
