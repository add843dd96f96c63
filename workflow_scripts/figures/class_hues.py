"""Colours for classes that have none of their own, far apart however many they are."""

from __future__ import annotations

import colorsys

import numpy as np

_GOLDEN = 0.6180339887498949  # of a turn: hues that follow each other are far apart, however many there are
_SHADES = ((0.60, 0.98), (0.95, 0.60), (0.30, 0.90), (0.85, 0.85), (0.45, 0.65))  # (saturation, value), by turns


def class_hues(count: int) -> np.ndarray:
    """Return the colours of `count` classes, [count, 3] uint8; those of fewer are the first of more."""
    colours = [colorsys.hsv_to_rgb(i * _GOLDEN % 1, *_SHADES[i % len(_SHADES)]) for i in range(count)]
    return (255 * np.array(colours, float).reshape(-1, 3)).round().astype(np.uint8)
