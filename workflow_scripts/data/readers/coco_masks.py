"""Masks as COCO writes them: polygons and run lengths -> pixels, as COCO's own tools draw them.

Polygons follow the public definition of COCO's mask tools (Lin et al. 2014; `rleFrPoly` of cocoapi): the outline is drawn on a
grid five times as fine, and a pixel belongs to the mask if the scan down its column has crossed the outline an odd number
of times before its centre. Drawing libraries that work on whole pixels give masks up to a pixel wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_FINE = 5  # the fine grid's lines per pixel
_LEAST_NUMBERS = 6  # of a ring that encloses an area: three points


def annotation_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
    """Return the mask of an annotation's ``segmentation``.

    Args:
        segmentation: list of rings [x0, y0, x1, y1, ...] in pixels, whose union is meant; or run lengths {"counts": list or
            compressed text, "size": [height, width]}. Rings of four numbers or less enclose nothing and are left out.
        height: of the image.
        width: of the image.

    Returns:
        [height, width] bool.

    Raises:
        ValueError: it is neither, or the run lengths are not of this size.
    """
    if isinstance(segmentation, dict):
        counts, size = segmentation.get("counts"), segmentation.get("size")
        if size is None or list(size) != [height, width]:
            raise ValueError(f"run lengths for the size {size}, but the image has {[height, width]}")
        return run_mask(decode_counts(counts) if isinstance(counts, str | bytes) else counts, height, width)
    if not isinstance(segmentation, list):
        raise ValueError("a segmentation that is neither polygons nor run lengths")
    mask = np.zeros((height, width), bool)
    for ring in segmentation:
        if len(ring) >= _LEAST_NUMBERS:
            mask |= polygon_mask(ring, height, width)
    return mask


def polygon_mask(ring: Sequence[float], height: int, width: int) -> np.ndarray:
    """Return the pixels inside one ring [x0, y0, x1, y1, ...] (pixel edges at whole numbers), [height, width] bool."""
    corners = np.asarray(ring, np.float64).reshape(-1, 2)
    fine = np.trunc(_FINE * corners + 0.5).astype(np.int64)
    xs, ys = [], []
    for (x0, y0), (x1, y1) in zip(fine, np.roll(fine, -1, axis=0), strict=True):
        line_x, line_y = _line(int(x0), int(y0), int(x1), int(y1))
        xs.append(line_x)
        ys.append(line_y)
    x, y = np.concatenate(xs), np.concatenate(ys)
    # Where the outline steps from one fine column to the next, the scan down that column crosses it.
    step = np.flatnonzero(np.diff(x)) + 1
    column = (np.minimum(x[step], x[step - 1]) + 0.5) / _FINE - 0.5
    row = np.ceil(np.clip((np.minimum(y[step], y[step - 1]) + 0.5) / _FINE - 0.5, 0, height)).astype(np.int64)
    centre = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    crossings = np.zeros(height * width + 1, np.int64)
    np.add.at(crossings, column[centre].astype(np.int64) * height + row[centre], 1)
    return (np.cumsum(crossings[:-1]) % 2).astype(bool).reshape(width, height).T


def run_mask(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """Return the mask of run lengths: columns from left to right, beginning with a run outside, [height, width] bool.

    Raises:
        ValueError: the runs do not add up to the number of pixels.
    """
    runs = np.asarray(counts)
    if runs.dtype.kind not in "iu" or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"run lengths that do not fill an image of {height} x {width}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def decode_counts(text: str | bytes) -> list[int]:
    """Return the run lengths in COCO's compressed text.

    Five bits a character, from the low end, at 48 and above; 32 is set where more follow, 16 of the last is the sign. From
    the fourth number on, each is the difference from the one two places before.

    Raises:
        ValueError: the text ends within a number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text.encode() if isinstance(text, str) else text:
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("compressed run lengths that end within a number")
    return counts


def _line(x0: int, y0: int, x1: int, y1: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the fine grid's points from one corner to the next, both included, one a step along the longer axis."""
    long_x = abs(x1 - x0) >= abs(y1 - y0)
    start, end, from_, to = (x0, x1, y0, y1) if long_x else (y0, y1, x0, x1)
    low, high, at_low, at_high = (start, end, from_, to) if start <= end else (end, start, to, from_)
    along = np.arange(high - low + 1)
    slope = (at_high - at_low) / (high - low) if high > low else 0.0
    across = np.trunc(at_low + slope * along + 0.5).astype(np.int64)
    along += low
    if start > end:
        along, across = along[::-1], across[::-1]
    return (along, across) if long_x else (across, along)
