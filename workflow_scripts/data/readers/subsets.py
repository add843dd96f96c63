"""Choosing some of many, the same on every machine and with every version of numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def in_order(items: Sequence[T], seed: int | None) -> list[T]:
    """Return sorted `items` in the order in which a subset takes them: as they are, or permuted with `seed`.

    The numbers of numpy's RandomState never change. Smaller subsets of one order are parts of larger ones.
    """
    if seed is None:
        return list(items)
    return [items[i] for i in np.random.RandomState(seed).permutation(len(items))]
