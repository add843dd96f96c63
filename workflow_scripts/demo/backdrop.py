"""Backgrounds: sky or wall above a horizon, hills or trees along it, ground below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.demo.anatomy import STUFF
from workflow_scripts.demo.textures import PATTERNS, Materials, hsv_to_rgb

# A scene is named by what stands above the horizon and what lies below it; a wood floor always ends at a wall.
SCENES = {
    "room": ("brick wall", "wood floor"),
    "garden": ("brick wall", "grass"),
    "courtyard": ("brick wall", "sand"),
    "street": ("brick wall", "road"),
    "meadow": ("sky", "grass"),
    "beach": ("sky", "sand"),
    "highway": ("sky", "road"),
    "sea": ("sky", "water"),
}

SIZE = 64
STUFF_SLOTS = 4  # above, along the horizon, ground, near ground

# Usual hue, saturation and value of each stuff; a share of the scenes gets any hue at all.
_LOOK = {
    "sky": (0.58, 0.35, 0.92),
    "hills": (0.30, 0.35, 0.45),
    "trees": (0.33, 0.60, 0.35),
    "brick wall": (0.04, 0.45, 0.65),
    "wood floor": (0.08, 0.60, 0.60),
    "grass": (0.29, 0.60, 0.60),
    "sand": (0.12, 0.40, 0.85),
    "road": (0.65, 0.06, 0.42),
    "water": (0.56, 0.60, 0.70),
}
_OUTDOORS = {"grass": 0.33, "sand": 0.22, "road": 0.22, "water": 0.23}
_BY_A_WALL = {"wood floor": 0.5, "grass": 0.18, "sand": 0.14, "road": 0.18}
_FREQUENCY = {"brick wall": 2.2, "wood floor": 3.5, "road": 3.0}
_ANY_HUE = 0.2
_AT_HOME = 0.7


@dataclass
class Backdrops:
    """B backgrounds.

    Attributes:
        slot: [B, 64, 64] which of the `STUFF_SLOTS` bands each pixel lies in.
        stuff: [B, STUFF_SLOTS] stuff id of each band.
        exposure: [B, 2] brightness of the scene, and how much it grows from the middle to the right edge.
        horizon: [B] row of the horizon in the middle of the image, pixels.
        materials: the look of each band; its coordinates are pixels / 32.
    """

    slot: NDArray[np.int64]
    stuff: NDArray[np.int64]
    exposure: NDArray[np.float32]
    horizon: NDArray[np.float32]
    materials: Materials

    def scenes(self) -> NDArray[np.int64]:
        """Return [B] which of `SCENES` each background is."""
        settings = np.array([[STUFF.index(name) for name in setting] for setting in SCENES.values()])
        return (self.stuff[:, None, [0, 2]] == settings).all(2).argmax(1)


def draw_backdrops(rng: np.random.Generator, homes: Sequence[str]) -> Backdrops:
    """Draw one background of two to four materials for each home: the ground that its main object prefers.

    Most scenes show it; in the others the ground is any, so the background alone does not tell the class.
    """
    count = len(homes)
    home = np.array([STUFF.index(name) for name in homes])
    at_home = rng.random(count) < _AT_HOME
    wall = np.where(at_home, home == STUFF.index("wood floor"), rng.random(count) < 0.25)
    above = np.where(wall, STUFF.index("brick wall"), STUFF.index("sky"))
    along = _choose(rng, {"hills": 0.5, "trees": 0.5}, count)
    ground = np.where(wall, _choose(rng, _BY_A_WALL, count), _choose(rng, _OUTDOORS, count))
    ground = np.where(at_home, home, ground)
    near = _choose(rng, _OUTDOORS, count)
    stuff = np.stack([above, along, ground, near], 1)

    column = np.arange(SIZE) + 0.5 - SIZE / 2
    row = (np.arange(SIZE) + 0.5)[None, :, None]
    horizon = rng.uniform(22, 38, count)
    level = horizon[:, None] + rng.normal(0, 0.03, (count, 1)) * column
    rise = rng.uniform(4, 11, (count, 1)) * (0.5 + 0.4 * _ripple(rng, count, column, 1.0))
    rise += np.where(along[:, None] == STUFF.index("trees"), 1.2, 0.2) * _ripple(rng, count, column, 6.0)
    shore = rng.uniform(50, 59, (count, 1)) + rng.normal(0, 0.08, (count, 1)) * column + _ripple(rng, count, column, 1.5)
    has_along = ~wall & (rng.random(count) < 0.65)
    has_near = (ground != STUFF.index("wood floor")) & (near != ground) & (rng.random(count) < 0.35)

    slot = np.zeros((count, SIZE, SIZE), np.int64)
    slot[(row > (level - rise)[:, None]) & has_along[:, None, None]] = 1
    slot[row > level[:, None]] = 2
    slot[(row > shore[:, None]) & has_near[:, None, None]] = 3
    exposure = np.stack([rng.normal(1, 0.08, count).clip(0.8, 1.2), rng.normal(0, 0.04, count)], 1).astype(np.float32)
    return Backdrops(slot, stuff, exposure, horizon.astype(np.float32), _materials(rng, stuff))


def _choose(rng: np.random.Generator, weights: dict[str, float], count: int) -> NDArray[np.int64]:
    ids = np.array([STUFF.index(name) for name in weights])
    return ids[np.searchsorted(np.cumsum(list(weights.values()))[:-1], rng.random(count), side="right")]


def _ripple(rng: np.random.Generator, count: int, column: NDArray, waves: float) -> NDArray:
    """Return [count, 64] smooth curves between -1 and 1 with about `waves` periods across the image."""
    periods = rng.uniform(0.6, 1.4, (count, 2)) * waves
    phase = rng.uniform(0, 2 * np.pi, (count, 2))
    return np.sin(2 * np.pi * periods[:, :, None] * column / SIZE + phase[:, :, None]).mean(1)


def _materials(rng: np.random.Generator, stuff: NDArray[np.int64]) -> Materials:
    count = len(stuff)
    names = STUFF[1:]
    look = np.array([_LOOK[name] for name in names])[stuff - 1]
    hsv = look + rng.normal(0, 1, look.shape) * (0.03, 0.12, 0.10)
    strange = rng.random((count, 1)) < _ANY_HUE
    hsv[..., 0] = np.where(strange, rng.random(stuff.shape), hsv[..., 0])
    hsv[..., 1] += np.where(strange, 0.15, 0.0)
    # Paler and calmer than the objects, as distance makes things.
    hsv[..., 1] *= 0.6
    hsv = np.clip(hsv, (-9, 0.03, 0.4), (9, 0.6, 0.95))
    second = hsv + np.where(hsv[..., 2:] > 0.6, -1, 1) * rng.uniform(0.1, 0.22, (*stuff.shape, 1)) * (0.1, 0, 1)
    frequency = np.array([_FREQUENCY.get(name, 4.0) for name in names])[stuff - 1]
    return Materials(
        pattern=np.array([list(PATTERNS).index(name) for name in names])[stuff - 1],
        colour=np.stack([hsv_to_rgb(hsv), hsv_to_rgb(second)], 2),
        frequency=(frequency * rng.uniform(0.85, 1.2, stuff.shape)).astype(np.float32),
        angle=rng.normal(0, 0.06, stuff.shape).astype(np.float32),
        phase=rng.uniform(0, 16, (*stuff.shape, 2)).astype(np.float32),
    )
