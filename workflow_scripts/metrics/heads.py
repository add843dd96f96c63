"""What kind of head an aligned aggregated map shows: its offset from the source token, and a kind by written rules.

Arrays are numpy. A map is [..., 2R-1, 2C-1] with the source token at the centre (see `metrics.attention`); lengths are in
units of the longer side of the patch grid, as in the attention distance.
"""

from __future__ import annotations

import numpy as np

HEAD_KINDS = ("strict_local", "soft_local", "axial_local", "offset_local", "global", "sparse_repeating")

# The rules of `head_kinds`. Walmer et al. name the kinds by eye (section 3.2, Figure 3); these thresholds are ours.
STRICT_CENTRE_SHARE = 0.5  # a strict local head puts at least half of its attention on its own position
LOCAL_REACH_SHARE = 0.7  # a local head reaches at most this share of the reach of uniform attention
OFFSET_PATCHES = 0.75  # an offset head's attention is centred at least this many patches away from its source
AXIAL_RATIO = 2.0  # an axial head reaches at least this many times farther along one image axis than the other
SPARSE_TOP_SHARE = 0.5  # in a sparse head the same tenth of an image's tokens receives at least half of the attention


def axis_offsets(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the displacements (dy [2R-1], dx [2C-1]) of a map's rows and columns, longer grid side = 1."""
    scale = max(rows - 1, columns - 1, 1)
    return np.arange(1 - rows, rows) / scale, np.arange(1 - columns, columns) / scale


def average_offset(aligned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the centre of mass of each map as (offset_x, offset_y, offset_distance), each of the map's leading shape.

    Positive x: the head attends to the right of its source; positive y: below. The scale of a map does not matter; an
    all-zero map gives 0. The input is not changed.
    """
    rows, columns = (aligned.shape[-2] + 1) // 2, (aligned.shape[-1] + 1) // 2
    dy, dx = axis_offsets(rows, columns)
    share = _shares(aligned)
    x = (share.sum(-2) * dx).sum(-1)
    y = (share.sum(-1) * dy).sum(-1)
    return x, y, np.hypot(x, y)


def reach(aligned: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how far each map's attention reaches from its centre of mass: along x, along y, and in the plane.

    Mean absolute displacements and mean Euclidean distance, longer grid side = 1, each of the map's leading shape.
    """
    rows, columns = (aligned.shape[-2] + 1) // 2, (aligned.shape[-1] + 1) // 2
    dy, dx = axis_offsets(rows, columns)
    x, y, _ = average_offset(aligned)
    share = _shares(aligned)
    from_x, from_y = dx - x[..., None], dy - y[..., None]
    along_x = (share.sum(-2) * np.abs(from_x)).sum(-1)
    along_y = (share.sum(-1) * np.abs(from_y)).sum(-1)
    distance = np.hypot(from_y[..., :, None], from_x[..., None, :])
    return along_x, along_y, (share * distance).sum((-2, -1))


def uniform_aligned(rows: int, columns: int) -> np.ndarray:
    """Return the aligned map [2R-1, 2C-1] of a head that attends to every patch token equally (sum 1)."""
    reach_y = rows - np.abs(np.arange(1 - rows, rows))
    reach_x = columns - np.abs(np.arange(1 - columns, columns))
    return reach_y[:, None] * reach_x[None] / (rows * columns) ** 2


def head_kinds(aligned: np.ndarray, top_share: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the kind of each head, an array of names from `HEAD_KINDS` with the leading shape of `aligned`.

    The rules, in this order:

    1. strict_local: at least half of the attention lies on the source's own position.
    2. sparse_repeating: in an image, a tenth of the patch tokens, the same for all sources, receives at least half of the
       attention, on average over images. Which tokens these are varies with the image, so no average map shows it.
    3. A head is local if its reach (mean distance from its centre of mass) is at most 0.7 times that of uniform attention.
       offset_local: local, and the centre of mass lies at least 0.75 patches from the source.
       axial_local: local along at least one axis, with at least twice the reach along the other.
       soft_local: local, neither offset nor axial.
    4. global: everything else.

    Args:
        aligned: [..., 2R-1, 2C-1] aligned aggregated maps.
        top_share: mean over images of `metrics.attention.top_token_share`, of the leading shape of `aligned`.
        grid: (R, C).
    """
    rows, columns = grid
    centre = _shares(aligned)[..., rows - 1, columns - 1]
    reach_x, reach_y, reach_plane = reach(aligned)
    uniform_x, uniform_y, uniform_plane = reach(uniform_aligned(rows, columns))
    patch = 1 / max(rows - 1, columns - 1, 1)
    offset = average_offset(aligned)[2]
    relative_x, relative_y = reach_x / max(uniform_x, 1e-12), reach_y / max(uniform_y, 1e-12)
    local = reach_plane <= LOCAL_REACH_SHARE * uniform_plane
    narrow, wide = np.minimum(relative_x, relative_y), np.maximum(relative_x, relative_y)
    axial = (narrow <= LOCAL_REACH_SHARE) & (wide >= AXIAL_RATIO * narrow)
    kinds = np.full(centre.shape, "global", dtype=object)
    kinds[local] = "soft_local"
    kinds[axial] = "axial_local"
    kinds[local & (offset >= OFFSET_PATCHES * patch)] = "offset_local"
    kinds[top_share >= SPARSE_TOP_SHARE] = "sparse_repeating"
    kinds[centre >= STRICT_CENTRE_SHARE] = "strict_local"
    return kinds.astype(str)


def _shares(aligned: np.ndarray) -> np.ndarray:
    aligned = np.asarray(aligned, dtype=np.float64)
    total = aligned.sum((-2, -1), keepdims=True)
    return np.divide(aligned, total, out=np.zeros_like(aligned), where=total > 0)
