"""Pixels patch by patch, as masked autoencoders predict them: each patch normalised by its own mean and spread.

He et al., "Masked Autoencoders Are Scalable Vision Learners" (CVPR 2022, section 3, "Reconstruction target"; in the released
code the variance is the unbiased one, plus 1e-6).
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-6
Size = tuple[int, int]


def patches_of(images: np.ndarray, patch: Size) -> np.ndarray:
    """Return the patches of images [n, H, W, C], row by row, [n, N, P * Q * C]: pixels by row, column and channel.

    Args:
        images: of any kind of number.
        patch: (rows, columns) of a patch in pixels; they divide H and W.
    """
    n, height, width, channels = images.shape
    rows, columns = height // patch[0], width // patch[1]
    cells = images.reshape(n, rows, patch[0], columns, patch[1], channels).swapaxes(2, 3)
    return cells.reshape(n, rows * columns, -1)


def images_of(patches: np.ndarray, patch: Size, grid: Size) -> np.ndarray:
    """Return the images [n, H, W, C] of patches [n, N, P * Q * C]: undoes `patches_of`.

    Args:
        patches: row by row.
        patch: (rows, columns) of a patch in pixels.
        grid: (rows, columns) of the patches of an image.
    """
    cells = patches.reshape(len(patches), *grid, *patch, -1).swapaxes(2, 3)
    return cells.reshape(len(patches), grid[0] * patch[0], grid[1] * patch[1], -1)


def with_spread_of(normalised: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Return normalised patches [n, N, V] with mean and spread of others, which they were to predict, [n, N, V].

    Args:
        normalised: less their mean, over the root of their variance + 1e-6.
        patches: [n, N, V], whose mean and unbiased variance each is given.
    """
    spread = np.sqrt(patches.var(2, ddof=1, keepdims=True) + EPSILON)
    return normalised * spread + patches.mean(2, keepdims=True)


def pixel_mask(patches: np.ndarray, patch: Size, grid: Size) -> np.ndarray:
    """Return which pixels are of chosen patches [n, N] bool, [n, H, W] bool."""
    return patches.reshape(len(patches), *grid).repeat(patch[0], 1).repeat(patch[1], 2)
