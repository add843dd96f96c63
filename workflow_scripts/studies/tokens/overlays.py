"""Masks of patches over their image: what is in the mask is red, the rest grey and pale."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from workflow_scripts.figures.style import MARK

_RED, _PALE = 0.5, 0.55  # how far pixels in the mask are mixed with red, the others with white


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


def overlap(truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the intersection over union of two masks; 0 if both are empty."""
    union = int((truth | mask).sum())
    return float((truth & mask).sum() / union) if union else 0.0
