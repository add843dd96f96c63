"""Position tables of another patch grid: resampled by a rule that the entry names, or refused.

Never silently: the rules differ by up to some per cent of the features, and a checkpoint for another image size is more
often a mistake than a wish.
"""

from __future__ import annotations

import math
from collections.abc import Callable

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


def _plain(table: Tensor, old: Grid, new: Grid, n_prefix: int) -> Tensor:
    """Bicubic to the size of the new grid without antialiasing, as MAE's and DeiT-III's own fine-tuning."""
    prefix, patches = table[:, :n_prefix], table[:, n_prefix:]
    image = patches.reshape(1, *old, -1).permute(0, 3, 1, 2).float()
    image = F.interpolate(image, size=new, mode="bicubic", align_corners=False)
    return torch.cat([prefix, image.permute(0, 2, 3, 1).flatten(1, 2).to(table.dtype)], dim=1)


RULES: dict[str, Callable[[Tensor, Grid, Grid, int], Tensor]] = {
    "antialiased": _antialiased,
    "offset": _offset,
    "plain": _plain,
}
"""``antialiased``: timm's rule, also open_clip's and DINOv2's with registers. ``offset``: the rule of DINO and its
descendants. ``plain``: the rule of MAE and DeiT-III."""


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


def resize_relative(table: Tensor, module: nn.Module) -> Tensor:
    """Resample a relative position table of a square window to that of timm's Beit module that holds it."""
    new = module.relative_position_bias_table
    return resize_rel_pos_bias_table(table, new_window_size=module.window_size, new_bias_shape=new.shape)


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
