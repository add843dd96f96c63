"""Which rows or columns a map shows at another size, by nearest neighbour in whole numbers."""

from __future__ import annotations

import numpy as np


def nearest_rows(size: int, seen: int) -> np.ndarray:
    """Return which of `seen` rows or columns each of `size` shows, [size] int64: floor((i + 0.5) seen / size)."""
    return (2 * np.arange(size) + 1) * seen // (2 * size)
