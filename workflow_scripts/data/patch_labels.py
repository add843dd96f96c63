"""The class of every patch by the majority of its pixels, and how many pixels of each class a patch's cell holds.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2): "the most common
class within each patch". The paper says nothing of ties and of pixels without a class: of equally common classes the one with
the smallest id wins, and void competes as if it were a class that comes last; a patch without a class is left out.
"""

from __future__ import annotations

import numpy as np

from workflow_scripts.data.class_maps import VOID
from workflow_scripts.data.nearest_rows import nearest_rows


def resized_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return label maps [..., H, W] at another `size` by nearest neighbour, [..., rows, columns]."""
    rows, columns = (nearest_rows(new, old) for new, old in zip(size, labels.shape[-2:], strict=True))
    return labels[..., rows[:, None], columns]


def cell_counts(labels: np.ndarray, grid: tuple[int, int], n_classes: int) -> np.ndarray:
    """Return how many pixels of each class lie in the cell of each patch, [n, R x C, n_classes + 1] int64; void comes last.

    A pixel belongs to the cell in which its centre lies: row y of H to row floor((y + 0.5) R / H). So cells differ by a pixel
    where the grid does not divide the map.

    Args:
        labels: [n, H, W] integers, the class of each pixel; `n_classes` and above, and below 0, is void.
        grid: (R, C) patches, in row-major order in the result.
        n_classes: number of classes.
    """
    n, height, width = labels.shape
    rows, columns = (nearest_rows(side, cells) for side, cells in zip((height, width), grid, strict=True))
    kinds = n_classes + 1
    classes = np.where((labels >= 0) & (labels < n_classes), labels, n_classes).astype(np.int64)
    patch = (np.arange(n)[:, None, None] * grid[0] + rows[:, None]) * grid[1] + columns
    patches = n * grid[0] * grid[1]
    counts = np.bincount((patch * kinds + classes).ravel(), minlength=patches * kinds)
    return counts.reshape(n, grid[0] * grid[1], kinds)


def majority(counts: np.ndarray) -> np.ndarray:
    """Return the most common class of each patch, [...] uint8, `VOID` where void is more common than any class.

    Args:
        counts: [..., n_classes + 1], from `cell_counts`; of equal counts the first wins, and void is the last.
    """
    label = counts.argmax(-1)
    return np.where(label == counts.shape[-1] - 1, VOID, label).astype(np.uint8)


def patch_labels(labels: np.ndarray, size: tuple[int, int], grid: tuple[int, int], n_classes: int) -> np.ndarray:
    """Return the majority label of each patch, [n, R x C] uint8, `VOID` of a patch to leave out.

    Args:
        labels: [n, H, W] label maps of tiles.
        size: (height, width) at which the model sees a tile; maps of another size are first resized by nearest neighbour.
        grid: (R, C) patches of a tile.
        n_classes: number of classes, at most 255; other labels are void.
    """
    return majority(cell_counts(resized_labels(labels, size), grid, n_classes))
