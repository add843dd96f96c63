"""Numbers of annotations, checked before anything is computed with them or made as large as they say."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

FARTHEST = 2**20  # pixels; where no size of an image is at hand


def finite(value: Any, what: str) -> float:
    """Return a number as float.

    Raises:
        ValueError: it is none, not finite, or farther away than any image reaches; the message calls it `what`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ValueError(f"{what} is {_short(value)}, expected a number")
    if not -FARTHEST <= value <= FARTHEST:  # NaN is not either
        raise ValueError(f"{what} is {_short(value)}, expected a number of pixels")
    return float(value)


def whole(value: Any, what: str, least: int, most: int) -> int:
    """Return a whole number between `least` and `most`.

    Raises:
        ValueError: it is none; the message calls it `what`.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not least <= value <= most:
        raise ValueError(f"{what} is {_short(value)}, expected a whole number from {least} to {most}")
    return int(value)


def near(values: Iterable[Any], what: str, size: tuple[float, float] | None = None) -> list[float]:
    """Return coordinates as floats.

    Args:
        values: coordinates of any axis, in pixels.
        what: what they are, for the message.
        size: of the image, if known. Coordinates may reach beyond it, but not by more than its longer side.

    Raises:
        ValueError: one is not a finite number or too far away.
    """
    found = [finite(value, what) for value in values]
    if size is None:
        return found
    side = max(size)
    for value in found:
        if not -side <= value <= 2 * side:
            raise ValueError(f"{what} is {value:g}, far outside the image of {size[0]:g} x {size[1]:g}")
    return found


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= 40 else f"{text[:40]}..."
