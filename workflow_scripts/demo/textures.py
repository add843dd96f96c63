"""Materials: a pattern between two colours, evaluated only at the pixels that wear it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Floats = NDArray[np.float32]
_FIELD = 256


@dataclass
class Materials:
    """S materials for each of B images.

    Attributes:
        pattern: [B, S] index into `PATTERNS`.
        colour: [B, S, 2, 3] the two RGB colours, 0 to 1.
        frequency: [B, S] pattern periods per unit of the material's coordinates.
        angle: [B, S] radians; phase: [B, S, 2] periods.
    """

    pattern: NDArray[np.int64]
    colour: Floats
    frequency: Floats
    angle: Floats
    phase: Floats


def _noise_field() -> Floats:
    """A tileable smooth field with values spread evenly over 0 to 1; the same in every world."""
    white = np.random.default_rng(5).normal(size=(_FIELD, _FIELD))
    smooth = gaussian_filter(white, 2.5, mode="wrap")
    rank = smooth.ravel().argsort().argsort().reshape(smooth.shape)
    return (rank / (rank.size - 1)).astype(np.float32)


_NOISE = _noise_field()


def _noise(x: Floats, y: Floats) -> Floats:
    column, row = (np.floor(v * 16).astype(np.int64) % _FIELD for v in (x, y))
    return _NOISE[row, column]


def _wave(x: Floats) -> Floats:
    return 0.5 + 0.5 * np.sin(2 * np.pi * x)


def _fraction(x: Floats) -> Floats:
    return x - np.floor(x)


def _spots(x: Floats, y: Floats) -> Floats:
    row = np.floor(y)
    return (np.hypot(_fraction(x + 0.5 * (row % 2)) - 0.5, _fraction(y) - 0.5) < 0.32).astype(np.float32)


def _brick(x: Floats, y: Floats) -> Floats:
    row = np.floor(2 * y)
    mortar = (_fraction(2 * y) < 0.22) | (_fraction(x + 0.5 * (row % 2)) < 0.1)
    return np.where(mortar, 1.0, 0.25 * _noise(x, y)).astype(np.float32)


def _planks(x: Floats, y: Floats) -> Floats:
    return np.where(_fraction(x) < 0.14, 1.0, 0.5 * _noise(0.6 * x + 7 * np.floor(x), 0.08 * y)).astype(np.float32)


# Each pattern maps coordinates in periods to the share of the second colour, 0 to 1.
PATTERNS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "plain": lambda x, y: 0.2 * _noise(x, y),
    "stripes": lambda x, y: (_wave(x) > 0.5).astype(np.float32),
    "spots": _spots,
    "checks": lambda x, y: ((np.floor(x) + np.floor(y)) % 2).astype(np.float32),
    "rings": lambda x, y: (_wave(np.hypot(x, y)) > 0.5).astype(np.float32),
    "noise": lambda x, y: np.clip(2.5 * _noise(0.6 * x, 0.6 * y) - 0.75, 0, 1),
    "sky": lambda x, y: np.clip(0.25 * _fraction(0.2 * y) + 0.8 * _noise(0.12 * x, 0.3 * y) - 0.2, 0, 1),
    "hills": lambda x, y: 0.6 * _noise(0.3 * x, 0.3 * y),
    "trees": lambda x, y: _noise(0.9 * x, 0.9 * y),
    "brick wall": _brick,
    "wood floor": _planks,
    "grass": lambda x, y: _noise(1.6 * x, 0.35 * y),
    "sand": lambda x, y: 0.6 * _noise(3.0 * x, 3.0 * y),
    "road": lambda x, y: np.where(np.abs(_fraction(0.3 * y) - 0.5) < 0.05, 1.0, 0.25 * _noise(2.5 * x, 2.5 * y)),
    "water": lambda x, y: _wave(1.2 * y + 0.25 * _wave(0.5 * x)),
}
COATS = ("plain", "stripes", "spots", "checks", "rings", "noise")


def shade(slot: NDArray[np.int64], x: Floats, y: Floats, materials: Materials) -> Floats:
    """Return the colour of every pixel.

    Args:
        slot: [B, H, W] which of its image's materials each pixel wears.
        x: [B, H, W] the pixel in that material's own coordinates.
        y: [B, H, W] likewise.
        materials: the S materials of each of the B images.

    Returns:
        [B, H, W, 3] RGB, 0 to 1.
    """
    count, slots = materials.pattern.shape
    flat = (slot + slots * np.arange(count)[:, None, None]).ravel()
    cos = (np.cos(materials.angle) * materials.frequency).astype(np.float32).ravel()
    sin = (np.sin(materials.angle) * materials.frequency).astype(np.float32).ravel()
    phase = materials.phase.reshape(-1, 2)
    kind = materials.pattern.ravel()[flat]
    x, y = x.ravel(), y.ravel()
    share = np.empty(len(flat), np.float32)
    for index, pattern in enumerate(PATTERNS.values()):
        here = np.flatnonzero(kind == index)
        if len(here):
            which, px, py = flat[here], x[here], y[here]
            c, s = cos[which], sin[which]
            share[here] = pattern(c * px + s * py + phase[which, 0], c * py - s * px + phase[which, 1])
    first = materials.colour[:, :, 0].reshape(-1, 3)
    step = (materials.colour[:, :, 1] - materials.colour[:, :, 0]).reshape(-1, 3)
    return (first[flat] + share[:, None] * step[flat]).reshape(*slot.shape, 3)


def hsv_to_rgb(hsv: NDArray) -> Floats:
    """Return RGB [..., 3], 0 to 1, of hue (any real, period 1), saturation and value (clipped to 0 to 1)."""
    hue, saturation, value = hsv[..., 0], np.clip(hsv[..., 1], 0, 1), np.clip(hsv[..., 2], 0, 1)
    ramp = np.abs((hue[..., None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    return (value[..., None] * (1 + saturation[..., None] * (np.clip(ramp, 0, 1) - 1))).astype(np.float32)
