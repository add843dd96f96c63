"""One attention matrix as a picture: its information, which entries are drawn, which rows are those of places in the image.

Yu et al. 2026 (arXiv 2605.29691v1), figure 8 of its HTML version. What is made of every image and head of a pass is in
`metrics.locality`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.position_information import class_information

# Entries above this percentile of a matrix are drawn (figure 8a).
PERCENTILE = 95


def matrix_information(matrix: np.ndarray) -> float:
    """Return I(K, Q) of one attention matrix [N, N] in nats, 0 to ln N: what `metrics.locality.information` is of tensors.

    The information of classes and positions, with keys as classes and queries as positions.

    Args:
        matrix: query token on the first axis, key token on the second; rows sum to 1.
    """
    return float(class_information(matrix.T.astype(np.float64)).sum())


def binarised(matrix: np.ndarray, percentile: float = PERCENTILE) -> np.ndarray:
    """Return which entries of an attention matrix [N, N] lie above its `percentile` (figure 8a), bool.

    The percentile is over all N^2 entries, interpolated linearly. Entries equal to it are not above it, so that of a matrix of
    equal entries none is drawn.
    """
    return matrix > np.percentile(matrix, percentile)


def query_cells(places: Sequence[Sequence[float]], grid: tuple[int, int]) -> list[int]:
    """Return the patch tokens in which places of an image lie, row-major.

    Args:
        places: (x, y) from the top left corner, as shares of the image's width and height, in [0, 1].
        grid: (R, C) of the patch grid.

    Raises:
        AtlasError: a place lies outside the image.
    """
    if outside := [place for place in places if not all(0 <= share <= 1 for share in place)]:
        raise AtlasError(f"query at {list(outside[0])}: x and y are shares of the image; choose numbers from 0 to 1")
    rows, columns = grid
    return [min(math.floor(y * rows), rows - 1) * columns + min(math.floor(x * columns), columns - 1) for x, y in places]
