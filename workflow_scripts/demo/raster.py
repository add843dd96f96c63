"""From posed primitives to pixels: which part and coat lies where, and each pixel in its object's own coordinates.

Image coordinates are continuous: pixel (row r, column c) covers [c, c + 1) x [r, r + 1).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.demo.backdrop import SIZE
from workflow_scripts.demo.pose import Poses, Primitives

_CENTRES = (np.arange(SIZE) + 0.5).astype(np.float32)


def rasterise(shapes: Primitives) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return (part id, coat), each [M, 64, 64] uint8; part id 0 is outside the object."""
    count, parts = shapes.part.shape
    part = np.zeros((count, SIZE, SIZE), np.uint8)
    coat = np.zeros_like(part)
    for index in range(parts):
        present = shapes.part[:, index] > 0
        u = _axis(shapes.origin[:, index], shapes.across[:, index])
        v = _axis(shapes.origin[:, index], shapes.along[:, index])
        box = shapes.box[:, index, None, None]
        width = 1 - shapes.taper[:, index, None, None] * (v + 1) / 2
        inside = np.where(box, (np.abs(v) <= 1) & (np.abs(u) <= width), u * u + v * v <= 1)
        inside &= present[:, None, None]
        part = np.where(inside, shapes.part[:, index, None, None], part)
        coat = np.where(inside, shapes.coat[:, index, None, None], coat)
    return part, coat


def body_coordinates(poses: Poses) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (x, y), each [M, 64, 64]: every pixel in the object's own turned, flipped and scaled frame."""
    c, s = np.cos(poses.turn), np.sin(poses.turn)
    right = np.stack([c * poses.flip, s], -1) / poses.scale[:, None]
    down = np.stack([-s * poses.flip, c], -1) / poses.scale[:, None]
    return _project(poses.centre, right), _project(poses.centre, down)


def _axis(origin: NDArray, axis: NDArray) -> NDArray[np.float32]:
    square = np.maximum((axis * axis).sum(-1, keepdims=True), 1e-12)
    return _project(origin, axis / square)


def _project(origin: NDArray, direction: NDArray) -> NDArray[np.float32]:
    x = (_CENTRES - origin[:, :1]) * direction[:, :1]
    y = (_CENTRES - origin[:, 1:]) * direction[:, 1:]
    return y[:, :, None] + x[:, None, :]
