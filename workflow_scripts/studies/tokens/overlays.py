"""Masks of patches over their image: what is in the mask is red, the rest grey and pale."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from workflow_scripts.figures.style import MARK

_RED, _PALE = 0.5, 0.55  # how far pixels in the mask are mixed with red, the others with white
_OUTLINE = "#111111"


def over_image(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the image with a mask over it, uint8.

    Args:
        image: [h, w, 3] uint8.
        mask: [R, Q] bool, of the patches of the whole image.
    """
    rows, columns = (np.arange(n) * cells // n for n, cells in zip(image.shape[:2], mask.shape, strict=True))
    inside = mask[rows][:, columns][..., None]
    grey = image.mean(-1, keepdims=True)
    red = 255 * np.array(to_rgb(MARK))
    mixed = np.where(inside, (1 - _RED) * grey + _RED * red, (1 - _PALE) * grey + _PALE * 255)
    return mixed.round().astype(np.uint8)


def outline(axes: Axes, column: int, mask: np.ndarray) -> None:
    """Draw the outline of a mask [R, Q] over cell `column` of an axes whose coordinates count cells."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    lines = []
    for row, place in zip(*np.nonzero(padded[1:] != padded[:-1]), strict=True):  # an edge between two rows
        lines.append(((column + (place - 1) / width, row / height), (column + place / width, row / height)))
    for row, place in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        lines.append(((column + place / width, (row - 1) / height), (column + place / width, row / height)))
    axes.add_collection(LineCollection(lines, colors=_OUTLINE, linewidths=0.6, capstyle="projecting"))


def overlap(truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the intersection over union of two masks; 0 if both are empty."""
    union = int((truth | mask).sum())
    return float((truth & mask).sum() / union) if union else 0.0
