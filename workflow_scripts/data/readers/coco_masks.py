"""Masks as COCO writes them: polygons and run lengths -> pixels, as COCO's own tools draw them.

Polygons follow the public definition of COCO's mask tools (Lin et al. 2014; `rleFrPoly` of cocoapi): the outline is drawn on a
grid five times as fine, and a pixel belongs to the mask if the scan down its column has crossed the outline an odd number
of times before its centre. Drawing libraries that work on whole pixels give masks up to a pixel wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workflow_scripts.data.readers.numbers import near, whole

_FINE = 5  # the fine grid's lines per pixel
_LEAST_NUMBERS = 6  # of a ring that encloses an area: three points
_POINTS_AT_ONCE = 2**20  # of the fine outline that are kept, so that no outline takes more memory
_LONGEST_RUN = 12  # characters of a compressed number: 60 bits


def annotation_mask(segmentation: Any, height: int, width: int) -> np.ndarray:
    """Return the mask of an annotation's ``segmentation``.

    Args:
        segmentation: list of rings [x0, y0, x1, y1, ...] or [[x0, y0], [x1, y1], ...] in pixels, whose union is meant; or run
            lengths {"counts": list or compressed text, "size": [height, width]}. Rings of four numbers or less enclose nothing
            and are left out.
        height: of the image.
        width: of the image.

    Returns:
        [height, width] bool.

    Raises:
        ValueError: it is neither, a ring has numbers that are no pairs, not finite or far outside the image, or the run
            lengths are not of this size.
    """
    if isinstance(segmentation, dict):
        counts, size = segmentation.get("counts"), segmentation.get("size")
        if size != [height, width]:
            raise ValueError(f"run lengths for the size {size}, but the image has {[height, width]}")
        return run_mask(decode_counts(counts) if isinstance(counts, str | bytes) else counts, height, width)
    if not isinstance(segmentation, list):
        raise ValueError("a segmentation that is neither polygons nor run lengths")
    if not all(isinstance(ring, list) for ring in segmentation):
        raise ValueError("a segmentation of numbers, expected a list of rings [[x, y, x, y, ...], ...]")
    rings = [_numbers(ring, height, width) for ring in segmentation]
    if len(rings) > 2 and all(len(ring) == 2 for ring in rings):
        raise ValueError(f"{len(rings)} rings of one point, expected a list of rings [[x, y, x, y, ...], ...]")
    mask = np.zeros((height, width), bool)
    for ring in rings:
        if len(ring) >= _LEAST_NUMBERS:
            mask |= polygon_mask(ring, height, width)
    return mask


def _numbers(ring: list[Any], height: int, width: int) -> list[float]:
    """Return the numbers x0, y0, x1, y1, ... of a ring."""
    if ring and all(isinstance(point, list) and len(point) == 2 for point in ring):
        ring = [side for point in ring for side in point]
    if len(ring) % 2 and not any(isinstance(side, list) for side in ring):
        raise ValueError(f"a ring of {len(ring)} numbers, expected pairs x, y")
    return near(ring, "a coordinate of a ring", (width, height))


def polygon_mask(ring: Sequence[float], height: int, width: int) -> np.ndarray:
    """Return the pixels inside one ring [x0, y0, x1, y1, ...] (pixel edges at whole numbers), [height, width] bool."""
    corners = np.asarray(ring, np.float64).reshape(-1, 2)
    fine = np.trunc(_FINE * corners + 0.5).astype(np.int64)
    crossings = np.zeros(height * width + 1, np.int64)
    parts, points = [], 0
    for (x0, y0), (x1, y1) in zip(fine, np.roll(fine, -1, axis=0), strict=True):
        parts.append(_line(int(x0), int(y0), int(x1), int(y1)))
        points += len(parts[-1][0])
        if points > _POINTS_AT_ONCE:
            _cross(crossings, parts, height, width)
            # The next line begins at this one's last point, so nothing is lost between them.
            parts, points = [], 0
    if parts:
        _cross(crossings, parts, height, width)
    return (np.cumsum(crossings[:-1]) % 2).astype(bool).reshape(width, height).T


def _cross(crossings: np.ndarray, lines: list[tuple[np.ndarray, np.ndarray]], height: int, width: int) -> None:
    """Add to the pixels [width * height + 1], column by column, how often the scan down crosses an outline before them."""
    x, y = (np.concatenate(side) for side in zip(*lines, strict=True))
    # Where the outline steps from one fine column to the next, the scan down that column crosses it.
    step = np.flatnonzero(np.diff(x)) + 1
    column = (np.minimum(x[step], x[step - 1]) + 0.5) / _FINE - 0.5
    row = np.ceil(np.clip((np.minimum(y[step], y[step - 1]) + 0.5) / _FINE - 0.5, 0, height)).astype(np.int64)
    centre = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    np.add.at(crossings, column[centre].astype(np.int64) * height + row[centre], 1)


def run_mask(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """Return the mask of run lengths: columns from left to right, beginning with a run outside, [height, width] bool.

    Raises:
        ValueError: the runs are not whole numbers that add up to the number of pixels.
    """
    if not isinstance(counts, list):
        raise ValueError("run lengths that are neither a list nor text")
    pixels = height * width
    runs = [whole(count, "a run length", 0, pixels) for count in counts]
    if sum(runs) != pixels:  # of Python's integers, which do not wrap
        raise ValueError(f"run lengths that do not fill an image of {height} x {width}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def decode_counts(text: str | bytes) -> list[int]:
    """Return the run lengths in COCO's compressed text.

    Five bits a character, from the low end, at 48 and above; 32 is set where more follow, 16 of the last is the sign. From
    the fourth number on, each is the difference from the one two places before.

    Raises:
        ValueError: the text ends within a number, or is not such text.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text.encode(errors="surrogatepass") if isinstance(text, str) else text:
        bits = character - 48
        if not 0 <= bits < 64 or shift >= 5 * _LONGEST_RUN:
            raise ValueError("compressed run lengths with other characters, or numbers, than COCO writes")
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
