"""Semantic correspondence: where keypoints of one image lie in another, by the similarity of patch tokens.

Pixel coordinates are continuous: pixel (row r, column c) covers [c, c + 1) x [r, r + 1), its centre is (c + 0.5, r + 0.5),
and the centre of the patch token in column j of patches of P pixels is at x = (j + 0.5) P. Tokens are upsampled bilinearly
between these centres; beyond the outermost ones they stay constant, so that the border of an image is half a patch of
equal pixels. Token features as in Walmer et al., "Teaching Matters" (arXiv 2212.03862); keypoints as in SPair-71k
(Min et al. 2019, arXiv 1908.10543).
"""

from __future__ import annotations

import torch
from torch import Tensor


def match_keypoints(source: Tensor, target: Tensor, grid: tuple[int, int], side: int, points: Tensor) -> dict[str, Tensor]:
    """Return where keypoints of a source image lie in a target image, as (x, y) pixels, each [..., K, 2] float32 (CPU).

    In both rules the descriptor of a keypoint is taken from the upsampled source tokens, and the prediction is the pixel
    of the target whose upsampled tokens have the largest dot product with it; of equals (such as the half patches at the
    border) the first in row-major order. Interpolated tokens are not normalised again.

    ``pooled_by_category``: the study's public code. The descriptor is that of the pixel in row round-half-even(y) and column
    truncate(x), and a prediction is the index of its pixel, (c, r).

    ``per_point``: the descriptor is interpolated at (x, y) itself, and a prediction is the centre of its pixel,
    (c + 0.5, r + 0.5).

    Args:
        source: [..., N, D] patch tokens of norm 1 (`propagation.unit`); leading axes, such as layers, are matched alike.
        target: [..., N, D] patch tokens of norm 1 of the other image.
        grid: (R, C) of the patch grid.
        side: side of the square images in pixels, a multiple of R and C.
        points: [K, 2] keypoints (x, y) of the source in pixels.

    Raises:
        ValueError: the patch grid does not divide the image.
    """
    rows, columns = grid
    if side % rows or side % columns:
        raise ValueError(f"a patch grid of {rows} x {columns} does not divide an image of {side} pixels")
    source, target = source.float(), target.float()
    device, last = source.device, side - 1
    x, y = points.cpu().unbind(-1)
    sites = {
        "pooled_by_category": (y.round().clamp(0, last) + 0.5, x.trunc().clamp(0, last) + 0.5),
        "per_point": (y, x),
    }
    pixel_rows, pixel_columns = (_extremes(cells, side) for cells in grid)
    up_rows = bilinear_weights(pixel_rows + 0.5, rows, side).to(device)
    up_columns = bilinear_weights(pixel_columns + 0.5, columns, side).to(device)
    found = {}
    for rule, (at_y, at_x) in sites.items():
        # Upsampling is linear: the similarities are interpolated instead of the features.
        at = (bilinear_weights(at_y, rows, side)[:, :, None] * bilinear_weights(at_x, columns, side)[:, None]).flatten(1)
        maps = (at.to(device) @ source @ target.transpose(-1, -2)).unflatten(-1, grid)
        # A pixel beyond the outermost centres has a single weight, 1: its value is a copy and ties stay exact.
        best = (up_rows @ maps @ up_columns.T).flatten(-2).argmax(-1).cpu()
        row, column = pixel_rows[best // len(pixel_columns)], pixel_columns[best % len(pixel_columns)]
        found[rule] = torch.stack([column, row], -1).float()
    found["per_point"] += 0.5
    return found


def _extremes(cells: int, side: int) -> Tensor:
    """Return the pixels of an axis, ascending, among which lies the first largest value of any upsampled map.

    Between two token centres the map is linear along the axis, so it is largest at the first or last pixel there; before
    the first and after the last centre it is constant, and the first pixel stands for all.
    """
    patch = side // cells
    first = torch.arange(cells) * patch
    return torch.cat([first[:1], first + (patch - 1) // 2, first + patch // 2]).unique()


def bilinear_weights(position: Tensor, cells: int, side: int) -> Tensor:
    """Return [P, cells] float32: the bilinear weights of an axis' token centres at positions [P] in pixels.

    Two at most are not zero; beyond the outermost centres it is one, and 1.
    """
    centre = (position.double() * cells / side - 0.5).clamp(0, cells - 1)
    index = torch.arange(cells, device=position.device)
    return (1 - (centre[:, None] - index).abs()).clamp(min=0).float()
