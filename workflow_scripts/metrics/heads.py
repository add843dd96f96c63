"""What kind of head an aligned aggregated map shows: where its attention lies, how local it is, and a kind by written rules.

Two things are measured apart. *Where*: the displacement of the maximum, and of the centre of mass. *How local*: the share of
the attention in a small window around the maximum, and the reach of all of it. Arrays are numpy. A map is
[..., 2R-1, 2C-1] with the source token at the centre (see `metrics.attention`); lengths are in units of the longer side of
the patch grid, as in the attention distance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

HEAD_KINDS = ("strict_local", "soft_local", "axial_local", "offset_local", "displaced", "global", "sparse_repeating")

# The rules of `head_kinds`. Walmer et al. name the kinds by eye (section 3.2, Figure 3); these thresholds are ours.
STRICT_CENTRE_SHARE = 0.5  # a strict local head puts at least half of its attention on its own position
LOCAL_REACH_SHARE = 0.7  # a local head reaches at most this share of the reach of uniform attention
PEAK_WINDOW = 0.1  # the window around a maximum: so many longer grid sides to each side of it, a patch at least
PEAK_SHARE = 0.5  # an offset head has at least half of its attention in the window around its maximum ...
PEAK_PATCHES = 0.75  # ... and what lies in the window is centred at least this many patches from the source
DISPLACED = 0.1  # a displaced head's centre of mass lies at least this many longer grid sides from the source
AXIAL_RATIO = 2.0  # an axial head reaches at least this many times farther along one image axis than the other
SPARSE_TOP_SHARE = 0.5  # in a sparse head the same tenth of an image's tokens receives at least half of the attention


class Peak(NamedTuple):
    """The maximum of aligned maps, each of the maps' leading shape.

    Attributes:
        x, y: its displacement from the source; of equal maxima the nearest to the source.
        share: of the attention, in the window around it (`PEAK_WINDOW`), in [0, 1].
        distance: from the source to the centre of mass of the window's attention.
    """

    x: np.ndarray
    y: np.ndarray
    share: np.ndarray
    distance: np.ndarray


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


def peak(aligned: np.ndarray) -> Peak:
    """Return where each map is highest and how much of its attention lies around that place; an all-zero map gives 0."""
    rows, columns = (aligned.shape[-2] + 1) // 2, (aligned.shape[-1] + 1) // 2
    dy, dx = axis_offsets(rows, columns)
    away = np.hypot(dy[:, None], dx).ravel()
    nearest = np.argsort(away, kind="stable")
    share = _shares(aligned)
    flat = share.reshape(-1, away.size)
    y, x = np.divmod(nearest[flat[:, nearest].argmax(-1)], len(dx))
    reach = peak_radius(rows, columns)
    # Beyond the edge of a map there is no attention; the padded displacements are multiplied by zeros.
    padded = np.pad(flat.reshape(-1, len(dy), len(dx)), [(0, 0), (reach, reach), (reach, reach)])
    down, right = y[:, None] + np.arange(2 * reach + 1), x[:, None] + np.arange(2 * reach + 1)
    window = padded[np.arange(len(padded))[:, None, None], down[:, :, None], right[:, None, :]]
    inside = window.sum((-2, -1))
    weight = np.divide(1, inside, out=np.zeros_like(inside), where=inside > 0)
    centre_y = (window.sum(-1) * np.pad(dy, reach)[down]).sum(-1) * weight
    centre_x = (window.sum(-2) * np.pad(dx, reach)[right]).sum(-1) * weight
    found = (dx[x], dy[y], inside, np.hypot(centre_x, centre_y))
    return Peak(*(value.reshape(share.shape[:-2]) for value in found))


def peak_radius(rows: int, columns: int) -> int:
    """Return how many patches the window around a maximum extends to each side of it."""
    return max(1, int(PEAK_WINDOW * max(rows, columns)))


def relative_reach(aligned: np.ndarray) -> np.ndarray:
    """Return the reach of each map in the plane over that of uniform attention on the same patch grid."""
    rows, columns = (aligned.shape[-2] + 1) // 2, (aligned.shape[-1] + 1) // 2
    return reach(aligned)[2] / max(float(reach(uniform_aligned(rows, columns))[2]), 1e-12)


def uniform_aligned(rows: int, columns: int) -> np.ndarray:
    """Return the aligned map [2R-1, 2C-1] of a head that attends to every patch token equally (sum 1)."""
    reach_y = rows - np.abs(np.arange(1 - rows, rows))
    reach_x = columns - np.abs(np.arange(1 - columns, columns))
    return reach_y[:, None] * reach_x[None] / (rows * columns) ** 2


def head_kinds(aligned: np.ndarray, top_share: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the kind of each head, an array of names from `HEAD_KINDS` with the leading shape of `aligned`.

    The rules, the first that fits:

    1. strict_local: at least half of the attention lies on the source's own position.
    2. sparse_repeating: in an image, a tenth of the patch tokens, the same for all sources, receives at least half of the
       attention, on average over images. Which tokens these are varies with the image, so no average map shows it.
    3. offset_local: the maximum lies off the source, at least half of the attention in a small window around it (a tenth of
       the longer grid side to each side, a patch at least), and the window's centre of mass at least 0.75 patches away.
    4. axial_local: local along at least one axis, with at least twice the reach along the other; local is a reach (mean
       distance from the centre of mass) of at most 0.7 times that of uniform attention.
    5. displaced: the centre of mass of all attention lies at least a tenth of the longer grid side from the source, but the
       attention is spread: a direction without a place.
    6. soft_local: local in the plane.
    7. global: everything else.

    Args:
        aligned: [..., 2R-1, 2C-1] aligned aggregated maps.
        top_share: mean over images of `metrics.attention.top_token_share`, of the leading shape of `aligned`.
        grid: (R, C).
    """
    rows, columns = grid
    centre = _shares(aligned)[..., rows - 1, columns - 1]
    reach_x, reach_y, _ = reach(aligned)
    uniform_x, uniform_y, _ = reach(uniform_aligned(rows, columns))
    patch = 1 / max(rows - 1, columns - 1, 1)
    top = peak(aligned)
    relative_x, relative_y = reach_x / max(uniform_x, 1e-12), reach_y / max(uniform_y, 1e-12)
    narrow, wide = np.minimum(relative_x, relative_y), np.maximum(relative_x, relative_y)
    rules = {
        "strict_local": centre >= STRICT_CENTRE_SHARE,
        "sparse_repeating": top_share >= SPARSE_TOP_SHARE,
        "offset_local": (top.x**2 + top.y**2 > 0) & (top.share >= PEAK_SHARE) & (top.distance >= PEAK_PATCHES * patch),
        "axial_local": (narrow <= LOCAL_REACH_SHARE) & (wide >= AXIAL_RATIO * narrow),
        "displaced": average_offset(aligned)[2] >= DISPLACED,
        "soft_local": relative_reach(aligned) <= LOCAL_REACH_SHARE,
    }
    return np.select(list(rules.values()), list(rules), "global")


def _shares(aligned: np.ndarray) -> np.ndarray:
    aligned = np.asarray(aligned, dtype=np.float64)
    total = aligned.sum((-2, -1), keepdims=True)
    return np.divide(aligned, total, out=np.zeros_like(aligned), where=total > 0)
