"""How near a reconstructed image is to the original: mean square error, PSNR, and structural similarity.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, appendix A.5). SSIM
is that of Wang et al., "Image quality assessment: from error visibility to structural similarity" (IEEE Transactions on Image
Processing 2004, section III): a Gaussian window of 11 x 11 with sigma 1.5, K1 = .01, K2 = .03. Pixels are 0 to 1, so that the
dynamic range L is 1.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from workflow_scripts.common.errors import AtlasError

WINDOW, SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def mean_square_errors(one: np.ndarray, other: np.ndarray, counted: np.ndarray | None = None) -> np.ndarray:
    """Return the mean square error of each image over pixels and channels, [n] float64; NaN where nothing is counted.

    Args:
        one: [n, H, W, C].
        other: likewise.
        counted: [n, H, W] bool, the pixels that count, such as those of masked patches; None: all.
    """
    errors = ((one.astype(np.float64) - other) ** 2).mean(-1)
    if counted is None:
        return errors.mean((1, 2))
    number = counted.sum((1, 2))
    return np.divide((errors * counted).sum((1, 2)), number, out=np.full(len(errors), np.nan), where=number > 0)


def peak_signal_to_noise(errors: np.ndarray) -> np.ndarray:
    """Return 10 log10(1 / MSE) in dB of mean square errors [...] of pixels 0 to 1; infinite for equal images."""
    with np.errstate(divide="ignore"):
        return -10 * np.log10(errors)


def structural_similarities(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the mean SSIM of each image, [n] float64 in -1 to 1: the mean over channels and all places of the whole window.

    Each channel alone, population variances; where the window would reach over the edge there is no place.

    Args:
        one: [n, H, W, C], pixels 0 to 1.
        other: likewise.

    Raises:
        AtlasError: images are smaller than the window.
    """
    if min(one.shape[1:3]) < WINDOW:
        raise AtlasError(
            f"SSIM: images of {one.shape[2]} x {one.shape[1]} pixels are smaller than its window of {WINDOW} x {WINDOW}; use "
            "larger ones"
        )
    x, y = one.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x, variance_y, covariance = (
        _windowed(a * b) - mean_a * mean_b
        for a, b, mean_a, mean_b in ((x, x, mean_x, mean_x), (y, y, mean_y, mean_y), (x, y, mean_x, mean_y))
    )
    light = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return (light * structure).mean((1, 2, 3))


def _windowed(images: np.ndarray) -> np.ndarray:
    """Return the Gaussian means of all whole windows, [n, H - 10, W - 10, C]; the window is a product of two of one axis."""
    half = WINDOW // 2
    weight = np.exp(-(np.arange(-half, half + 1) ** 2) / (2 * SIGMA**2))
    weight /= weight.sum()
    for axis in (1, 2):
        images = correlate1d(images, weight, axis)
    return images[:, half:-half, half:-half]
