"""Position tables of another patch grid: made by a rule that the entry names, or refused.

Never silently: the rules differ by up to a third of the largest value, and a network at another size without its own rule is
another network. Absolute tables (one row a token) and relative ones (one row an offset between tokens) have rules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from timm.layers import resample_abs_pos_embed
from timm.layers.pos_embed_rel import resize_rel_pos_bias_table
from torch import Tensor, nn

Grid = tuple[int, int]


def _antialiased(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    return resample_abs_pos_embed(table, new_size=list(new), old_size=list(old), num_prefix_tokens=n_prefix)


def _offset(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Bicubic without antialiasing, by the factor (n + 0.1) / n0, as DINO, iBOT, Mugs and DINOv2 without registers."""
    prefix, patches = table[:, :n_prefix], table[:, n_prefix:]
    image = patches.reshape(1, *old, -1).permute(0, 3, 1, 2).float()
    factors = [(n + 0.1) / n0 for n, n0 in zip(new, old, strict=True)]
    image = F.interpolate(image, scale_factor=factors, mode="bicubic", align_corners=False)
    return torch.cat([prefix, image.permute(0, 2, 3, 1).flatten(1, 2).to(table.dtype)], dim=1)


def _interpolated(table: Tensor, old: Grid, new: Grid, n_prefix: int, mode: str, align_corners: bool) -> Tensor:
    """Interpolate the patches' rows as an image with one channel per column; rows of prefix tokens stay."""
    prefix, patches = table[:, :n_prefix], table[:, n_prefix:]
    image = patches.reshape(1, *old, -1).permute(0, 3, 1, 2).float()
    image = F.interpolate(image, size=new, mode=mode, align_corners=align_corners)
    return torch.cat([prefix, image.permute(0, 2, 3, 1).flatten(1, 2).to(table.dtype)], dim=1)


def _plain(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Bicubic to the size of the new grid without antialiasing, as MAE's and DeiT-III's own fine-tuning."""
    return _interpolated(table, old, new, n_prefix, "bicubic", align_corners=False)


def _bicubic_aligned(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Bicubic with aligned corners, as torchvision's ``interpolate_embeddings``."""
    return _interpolated(table, old, new, n_prefix, "bicubic", align_corners=True)


def _bilinear_aligned(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Bilinear with aligned corners (``scipy.ndimage.zoom`` of order 1), as AugReg's own fine-tuning."""
    return _interpolated(table, old, new, n_prefix, "bilinear", align_corners=True)


def _sincos_mocov3(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Sines and cosines computed for the new grid, as MoCo-v3 builds its network at any size; zero for CLS.

    The first half of the channels is the row, the second the column: the released code takes the axes of its square grid in
    that order, so theirs is the transpose of MAE's. For a grid that is not square, where the released code numbers the places
    down the columns although the tokens go along the rows, each token has the values of its own row and column.
    """
    dim = table.shape[-1]
    by_column, by_row = sincos(dim, new)[0, 1:].chunk(2, dim=1)
    places = torch.cat([by_row, by_column], dim=1).to(table.dtype)
    return torch.cat([torch.zeros_like(table[:, :n_prefix]), places[None]], dim=1)


def _computed(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    return table


RULES: dict[str, Callable[[Tensor, Grid, Grid, int], Tensor]] = {
    "antialiased": _antialiased,
    "offset": _offset,
    "plain": _plain,
    "bicubic_aligned": _bicubic_aligned,
    "bilinear_aligned": _bilinear_aligned,
    "sincos_mocov3": _sincos_mocov3,
    "computed": _computed,
}
"""``antialiased``: timm's rule, also open_clip's and DINOv2's with registers. ``offset``: the rule of DINO and its
descendants. ``plain``: the rule of MAE and DeiT-III. ``bicubic_aligned``: torchvision's. ``bilinear_aligned``: AugReg's.
``sincos_mocov3``: MoCo-v3's. ``computed``: the layout has computed the table for the network's own grid already (Scale-MAE)."""


def _geometric_spline(table: Tensor, side: int, window: Grid, new: tuple[int, int]) -> Tensor:
    """Cubic spline over geometrically spaced offsets, as the fine-tuning of BEiT and SimMIM.

    The offsets of the file lie at 0, 1, 1 + q, 1 + q + q^2, ... to either side, with the q that makes them end where the new
    window's do: neighbours keep their distance, and what is far is stretched. The released code knows square windows only; of
    another window each axis has its own q, and an axis that keeps its length keeps its offsets.
    """
    from scipy.interpolate import RectBivariateSpline  # half a second to import, and most passes resample nothing

    shape = [2 * places - 1 for places in window]
    at = [np.arange(size, dtype=float) - size // 2 for size in shape]
    x_old = [_geometric_places(side, size) for size in shape]
    offsets, prefix = table[: side * side], table[side * side :]
    heads = [
        RectBivariateSpline(*x_old, values.reshape(side, side), kx=3, ky=3, s=0)(*at)
        for values in offsets.T.double().cpu().numpy()
    ]
    resampled = torch.from_numpy(np.stack(heads, -1).reshape(-1, table.shape[1])).to(table.dtype)
    return torch.cat([resampled, prefix])


def _geometric_places(source: int, target: int) -> np.ndarray:
    """Return where the `source` offsets (an odd number) of a table lie on an axis of `target` offsets of unit distance."""
    if source == target:
        return np.arange(source, dtype=float) - source // 2
    low, high, ratio = 1.01, 1.5, 1.25
    while high - low > 1e-6:
        ratio = (low + high) / 2
        reach = (1 - ratio ** (source // 2)) / (1 - ratio)
        low, high = (low, ratio) if reach > target // 2 else (ratio, high)
    distances = np.cumsum(ratio ** np.arange(source // 2))
    return np.concatenate([-distances[::-1], [0.0], distances])


def _geometric_linear(table: Tensor, side: int, window: Grid, new: tuple[int, int]) -> Tensor:
    """The same places, with linear interpolation between them: timm's own rule."""
    return resize_rel_pos_bias_table(table, new_window_size=window, new_bias_shape=new)


RELATIVE_RULES: dict[str, Callable[[Tensor, int, Grid, tuple[int, int]], Tensor]] = {
    "geometric_spline": _geometric_spline,
    "geometric_linear": _geometric_linear,
}
"""``geometric_spline``: the rule of BEiT and SimMIM. ``geometric_linear``: timm's."""


def is_ambiguous(grid: Grid) -> bool:
    """Whether a table of a square grid has as many rows as one of this non-square grid, so that its shape says nothing.

    Published tables are of square grids: 8 x 8 positions must not pass for 4 x 16.
    """
    n = grid[0] * grid[1]
    return grid[0] != grid[1] and math.isqrt(n) ** 2 == n


def resize_absolute(table: Tensor, grid: Grid, n_tokens: int, rule: str) -> Tensor | None:
    """Resample a [1, n_prefix + N, D] table of a square grid to `grid`; None if N is no square number.

    Args:
        table: position table of the file.
        grid: (rows, columns) of the model's patch grid.
        n_tokens: length of the model's table; what exceeds the grid are rows of prefix tokens.
        rule: a key of `RULES`.
    """
    n_prefix = n_tokens - grid[0] * grid[1]
    side = math.isqrt(max(table.shape[1] - n_prefix, 0))
    if side == 0 or side * side != table.shape[1] - n_prefix:
        return None
    return RULES[rule](table, (side, side), grid, n_prefix)


def resize_relative(table: Tensor, module: nn.Module, rule: str) -> Tensor | None:
    """Resample a relative table of a square window to that of timm's Beit module that holds it; None if it is of none.

    Args:
        table: [offsets + 3, H] of the file; the last three rows are CLS to patches, patches to CLS, and CLS to itself.
        module: holds the network's own table.
        rule: a key of `RELATIVE_RULES`.
    """
    window, new = tuple(module.window_size), tuple(module.relative_position_bias_table.shape)
    extra = new[0] - (2 * window[0] - 1) * (2 * window[1] - 1)
    side = math.isqrt(max(table.shape[0] - extra, 0))
    if side % 2 == 0 or side * side != table.shape[0] - extra:
        return None
    return (
        table if (side, side) == tuple(2 * places - 1 for places in window) else RELATIVE_RULES[rule](table, side, window, new)
    )


def is_ambiguous_window(window: Grid) -> bool:
    """Whether the relative table of a square window has as many rows as that of this window, which is not square."""
    offsets = (2 * window[0] - 1) * (2 * window[1] - 1)
    return window[0] != window[1] and math.isqrt(offsets) ** 2 == offsets


def sincos(dim: int, grid: Grid, resolution: float = 1.0) -> Tensor:
    """Return the [1, 1 + N, dim] sine and cosine table of MAE (He et al. 2022, in the released code), zero for CLS.

    The first half of the channels is the column, the second the row; each half is sin then cos of place x frequency,
    frequencies 10000 ** (-i / (dim / 4)).

    Args:
        dim: width of the model, a multiple of 4.
        grid: (rows, columns) of the patch grid.
        resolution: factor of the places, the ground resolution of Scale-MAE (Reed et al. 2023, eq. 2); 1 is MAE.
    """
    quarter = dim // 4
    frequencies = 10000.0 ** -(torch.arange(quarter, dtype=torch.float64) / quarter)
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) * resolution for n in grid), indexing="ij")
    angles = [place.reshape(-1, 1) * frequencies for place in (columns, rows)]
    table = torch.cat([part for a in angles for part in (a.sin(), a.cos())], dim=1)
    return torch.cat([torch.zeros(1, dim, dtype=torch.float64), table]).float()[None]
