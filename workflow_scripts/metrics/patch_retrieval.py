"""Retrieval of patches of transformed images: where a patch comes from, and of what kind the nearest patch is.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 5.2).
Patches of the transformed image are compared with those of all original ones; the same patch is the original one that contains
the centre of the transformed patch. Coordinates are continuous, the side of a tile is 1, y points down.
"""

from __future__ import annotations

from fractions import Fraction
from math import cos, floor, radians, sin

import numpy as np

NOWHERE = -1  # what no original patch corresponds to
CATEGORIES = ("same patch", "same fine category", "same supercategory", "other supercategory", "background")
BACKGROUND = 0  # label of patches that show no object


def shifted_cells(pixels: int, side: int, cells: int) -> np.ndarray:
    """Return the original patch of each patch of a tile shifted right and down, [cells^2] int64 in row-major order.

    Args:
        pixels: of the shift on both axes.
        side: of the tile in pixels.
        cells: patches on a side.

    Returns:
        Row-major patch numbers; `NOWHERE` where the centre of a patch shows nothing of the tile. So of all functions here.
    """
    return _cells([centre - Fraction(pixels, side) for centre in _centres(cells)], cells)


def scaled_cells(scale: str, cells: int) -> np.ndarray:
    """Return the original patch of each patch of a tile scaled about its centre, [cells^2] int64 in row-major order.

    In whole fractions: at 0.9 and 1.1 the centres of many patches lie on an edge, and belong to the patch to the right of it or
    below.

    Args:
        scale: above 1 shows less of the tile, as decimal digits: "0.9" is exactly nine tenths, which no float is.
        cells: patches on a side.
    """
    half = Fraction(1, 2)
    return _cells([half + (centre - half) / Fraction(scale) for centre in _centres(cells)], cells)


def rotated_cells(degrees: float, cells: int) -> np.ndarray:
    """Return the original patch of each patch of a tile turned counter-clockwise about its centre, [cells^2] int64, row-major.

    In float64: with the angles of the study, 5 to 20 degrees, no centre comes to lie on an edge.

    Args:
        degrees: of the rotation.
        cells: patches on a side.
    """
    offset = (2 * np.arange(cells) + 1) / (2 * cells) - 0.5
    y, x = offset[:, None], offset[None]
    turn, lift = cos(radians(degrees)), sin(radians(degrees))
    original_x, original_y = 0.5 + turn * x - lift * y, 0.5 + lift * x + turn * y
    column, row = (np.floor(cells * place).astype(np.int64) for place in (original_x, original_y))
    inside = (row >= 0) & (row < cells) & (column >= 0) & (column < cells)
    return np.where(inside, row * cells + column, NOWHERE).ravel()


def retrieved_categories(
    neighbour: np.ndarray, same: np.ndarray, neighbour_label: np.ndarray, label: np.ndarray, supercategory: np.ndarray
) -> np.ndarray:
    """Return of what kind the nearest patch of each query is, [n] int64 index into `CATEGORIES`: the first that fits.

    Args:
        neighbour: [n] gallery item that is nearest.
        same: [n] gallery item that is the same patch, `NOWHERE` if none is.
        neighbour_label: [n] fine category of the neighbour, `BACKGROUND` for none.
        label: [n] fine category of the query, which is an object's.
        supercategory: [F] of each fine category; what it says of `BACKGROUND` is not used.
    """
    kinds = [
        neighbour == same,
        neighbour_label == label,
        (neighbour_label != BACKGROUND) & (supercategory[neighbour_label] == supercategory[label]),
        neighbour_label != BACKGROUND,
    ]
    return np.select(kinds, range(4), 4)


def category_counts(categories: np.ndarray) -> np.ndarray:
    """Return how many queries are of each of `CATEGORIES`, [5] int64; counts of several images may be added."""
    return np.bincount(categories, minlength=len(CATEGORIES))


def upper_bound(same: np.ndarray) -> float:
    """Return the share of queries that have a same patch at all, 0 to 1; NaN without queries."""
    return float((same != NOWHERE).mean()) if len(same) else float("nan")


def _centres(cells: int) -> list[Fraction]:
    return [Fraction(2 * cell + 1, 2 * cells) for cell in range(cells)]


def _cells(places: list[Fraction], cells: int) -> np.ndarray:
    """Return the patches at the original `places` of the centres on either axis."""
    inside = np.array([floor(place * cells) if 0 <= place < 1 else NOWHERE for place in places])
    row, column = inside[:, None], inside[None]
    return np.where((row != NOWHERE) & (column != NOWHERE), row * cells + column, NOWHERE).ravel()
