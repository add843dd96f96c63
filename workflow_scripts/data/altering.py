"""The pixels of altered images (see `data.alterations`): arrays in, arrays out.

Images are [H, W, 3] uint8 and maps [H, W]; both keep their size. Coordinates are continuous, (y, x) from the top left corner:
pixel i reaches from i to i + 1, the image from 0 to H or W, and its centre is at H / 2, W / 2. Definitions that Vanyan et al.
(arXiv 2401.00463v2) leave open are said at each function.
"""

from __future__ import annotations

import numpy as np

from workflow_scripts.data.alterations import BAND_DEVIATION, BANDS, Move, Rotation, Scale, Shift


def blurred(pixels: np.ndarray, kernel: int) -> np.ndarray:
    """Return an image of the means of `kernel` x `kernel` squares (see `Blur`), rounded to the nearest, a half up."""
    sums, cells = pixels.astype(np.int64), kernel**2
    for axis in (0, 1):
        before = kernel // 2
        width = [(0, 0)] * 3
        width[axis] = (before, kernel - 1 - before)
        sums = _window_sums(np.pad(sums, width, mode="reflect"), kernel, axis)
    return ((sums + cells // 2) // cells).astype(np.uint8)


def noise(shape: tuple[int, ...], deviation: float, seed: int) -> np.ndarray:
    """Return independent Gaussian noise of mean 0, float32 of `shape`, in the unit of `deviation`."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32) * np.float32(deviation)


def band_noise(shape: tuple[int, ...], band: int, seed: int, deviation: float = BAND_DEVIATION) -> np.ndarray:
    """Return one band of frequencies of Gaussian noise, each channel for itself: F^-1(F(noise) mask).

    Vanyan et al., section A.6, after Park and Kim (ICLR 2022).

    Args:
        shape: (H, W, channels).
        band: 1 to `BANDS`.
        seed: of the noise before it is filtered; bands of one seed and shape are parts of the same noise.
        deviation: of the noise before it is filtered, in grey levels.

    Returns:
        float32 of `shape`, in grey levels.
    """
    size = shape[:2]
    half = band_mask(size, band)[:, : size[1] // 2 + 1]  # of a real signal, the other half mirrors it, as the mask does
    spectrum = np.fft.rfft2(noise(shape, deviation, seed), axes=(0, 1))
    return np.fft.irfft2(spectrum * half[..., None], size, axes=(0, 1)).astype(np.float32)


def band_mask(size: tuple[int, int], band: int) -> np.ndarray:
    """Return which frequencies of an image of `size` are in a band, [H, W] bool, in the order of `numpy.fft.fft2`.

    A square ring: (band - 1) / `BANDS` <= r < band / `BANDS` with r = max(|u| / (W / 2), |v| / (H / 2)), frequencies u and v
    in periods an image. The highest frequency of an even side, r = 1, is in no band. The paper states no limits.
    """
    # In whole numbers: each frequency's quarter along each axis, of which the larger one counts.
    quarters = [2 * BANDS * np.minimum(np.arange(side), side - np.arange(side)) // side for side in size]
    return np.maximum(quarters[0][:, None], quarters[1]) == band - 1


def added(pixels: np.ndarray, more: np.ndarray) -> np.ndarray:
    """Return an image with noise (float, grey levels) added, rounded to whole grey levels and clipped to 0 to 255."""
    return np.clip(np.rint(pixels + more), 0, 255).astype(np.uint8)


def moved_image(move: Move, pixels: np.ndarray) -> np.ndarray:
    """Return a moved image, bilinear and rounded to the nearest; 0 where it shows nothing.

    A pixel shows nothing where its centre comes from outside the image, as in `moved_map`; within, the outermost half pixel
    continues the outermost pixels' values. The paper states neither.
    """
    places = sources(move, pixels.shape[:2])
    low, high, part = zip(*(_between(x, side) for x, side in zip(places, pixels.shape, strict=False)), strict=True)
    rows = [pixels[y, low[1]] * (1 - part[1])[..., None] + pixels[y, high[1]] * part[1][..., None] for y in (low[0], high[0])]
    values = rows[0] * (1 - part[0])[..., None] + rows[1] * part[0][..., None]
    seen = _inside(places, pixels.shape[:2])[..., None]
    return np.where(seen, np.floor(values + np.float32(0.5)), 0).astype(np.uint8)


def moved_map(move: Move, values: np.ndarray) -> np.ndarray:
    """Return a moved map of any type, every pixel the one that its centre comes from; 0 where that is outside the map."""
    places = sources(move, values.shape)
    y, x = (np.clip(np.floor(p), 0, side - 1).astype(np.intp) for p, side in zip(places, values.shape, strict=True))
    return np.where(_inside(places, values.shape), values[y, x], values.dtype.type(0))


def sources(move: Move, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return where the centres of the pixels of a moved image or map of `size` come from, (y, x) float64.

    Both broadcast to [H, W]. Where a shift or a scale meets a pixel's edge it does so exactly, so that the floor is right: one
    division of whole numbers each. Turned or scaled, a grid of patches may stand for the image (Vanyan et al., figure 5).
    """
    match move:
        case Shift(pixels):
            y, x = (np.arange(side) + 0.5 - pixels for side in size)
        case Scale(percent):  # c + (i + 0.5 - c) / scale, both sides of the fraction times 2 percent
            y, x = ((100 * (2 * np.arange(side) + 1 - side) + side * percent) / (2 * percent) for side in size)
        case Rotation(degrees):
            y, x = (np.arange(side) + 0.5 - side / 2 for side in size)
            cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
            return size[0] / 2 + sin * x + cos * y[:, None], size[1] / 2 + cos * x - sin * y[:, None]
    return y[:, None], x[None]


def moved_points(move: Move, xy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return where points [K, 2] (x, y) of an image of `size` are in the moved one, float."""
    centre = np.array([size[1], size[0]]) / 2
    match move:
        case Shift(pixels):
            return xy + pixels
        case Scale(percent):
            return centre + (xy - centre) * percent / 100
        case Rotation(degrees):
            cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
            return centre + (xy - centre) @ np.array([[cos, -sin], [sin, cos]])


def _inside(places: tuple[np.ndarray, np.ndarray], size: tuple[int, ...]) -> np.ndarray:
    (y, x), (height, width) = places, size
    return (y >= 0) & (y < height) & (x >= 0) & (x < width)


def _between(places: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels before and after each place, whose centres it lies between, and how far on the way it is."""
    places = np.clip(places - 0.5, 0, side - 1)
    low = np.floor(places).astype(np.intp)
    return low, np.minimum(low + 1, side - 1), (places - low).astype(np.float32)


def _window_sums(values: np.ndarray, length: int, axis: int) -> np.ndarray:
    """Return the sums of all windows of `length` along an axis, which becomes shorter by `length` - 1."""
    sums = np.moveaxis(values.cumsum(axis), axis, 0)
    windows = sums[length - 1 :].copy()
    windows[1:] -= sums[:-length]
    return np.moveaxis(windows, 0, axis)
