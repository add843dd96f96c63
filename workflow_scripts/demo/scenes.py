"""Scenes: objects placed before a background, painted together with their ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.demo.anatomy import COATS_PER_OBJECT, DARK, GLASS, MAIN, SECOND
from workflow_scripts.demo.backdrop import SIZE, STUFF_SLOTS, Backdrops
from workflow_scripts.demo.plans import CLASSES, PLANS
from workflow_scripts.demo.pose import Poses, Primitives, draw_poses, half_height, primitives
from workflow_scripts.demo.raster import body_coordinates, rasterise
from workflow_scripts.demo.textures import COATS, PATTERNS, Materials, hsv_to_rgb, shade

MAX_OBJECTS = 3
_RIM_LIGHT = 0.4  # things are drawn with a dark contour, which palettes and patterns leave alone
_SEVERAL = 0.25  # share of the images with more than one object


@dataclass
class Cast:
    """M objects in B images.

    Attributes:
        image: [M] image index; order: [M] 1-based, back to front within the image (the object id in the masks).
        poses: their poses. materials: `COATS_PER_OBJECT` materials for each of them.
    """

    image: NDArray[np.int64]
    order: NDArray[np.int64]
    poses: Poses
    materials: Materials


@dataclass
class Painted:
    """B painted scenes: image [B, 64, 64, 3], object, part, stuff, texture [B, 64, 64], all uint8; the M primitives.

    Texture: 0 where no object is, else 1 + which of `textures.COATS` is seen.
    """

    image: NDArray[np.uint8]
    object: NDArray[np.uint8]
    part: NDArray[np.uint8]
    stuff: NDArray[np.uint8]
    texture: NDArray[np.uint8]
    shapes: Primitives


def draw_classes(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (image, order, class) of the objects of `count` images, each [M]: one to three objects an image."""
    number = np.where(rng.random(count) < _SEVERAL, rng.integers(2, MAX_OBJECTS + 1, count), 1)
    image = np.repeat(np.arange(count), number)
    order = np.concatenate([np.arange(1, n + 1) for n in number])
    return image, order, rng.integers(0, len(CLASSES), len(image))


def draw_cast(
    rng: np.random.Generator,
    backdrops: Backdrops,
    image: NDArray[np.int64],
    order: NDArray[np.int64],
    kind: NDArray[np.int64],
) -> Cast:
    """Draw the looks and places of the given objects; nearer ones stand lower. Arguments as `draw_classes` returns."""
    number = np.bincount(image, minlength=len(backdrops.horizon))
    poses = draw_poses(rng, kind)
    crowd = number[image]
    # Of several objects one is clearly the main one: the nearest.
    main = order == crowd
    several = rng.uniform(12, 15, len(image)) * np.where(main, 1.35, 1.0)
    poses.scale = np.where(crowd == 1, rng.uniform(25, 32, len(image)), several).astype(np.float32)
    poses.centre = _places(rng, kind, poses.scale, crowd, order, backdrops.horizon[image])
    return Cast(image, order, poses, draw_coats(rng, len(image)))


def draw_coats(rng: np.random.Generator, count: int) -> Materials:
    """Draw the materials of `count` objects: colours and patterns that say nothing about the class."""
    shape = (count, COATS_PER_OBJECT)
    hsv = np.stack([rng.random(shape), rng.uniform(0.5, 1, shape), rng.uniform(0.5, 1, shape)], -1)
    # The second coat often shares the hue of the first, so that an object looks like one thing.
    hsv[:, SECOND, 0] = np.where(rng.random(count) < 0.7, hsv[:, MAIN, 0] + rng.normal(0, 0.05, count), hsv[:, SECOND, 0])
    second = hsv.copy()
    second[..., 0] += rng.choice([0.0, 0.0, 0.5, 0.3], shape)
    second[..., 2] += np.where(hsv[..., 2] > 0.6, -1, 1) * rng.uniform(0.25, 0.4, shape)
    coats = np.array([list(PATTERNS).index(name) for name in COATS])
    pattern = coats[rng.choice(len(coats), shape, p=[0.6, 0.1, 0.08, 0.07, 0.07, 0.08])]
    for coat, look in ((DARK, (0.0, 0.0, 0.1)), (GLASS, (0.55, 0.25, 0.95))):
        hsv[:, coat], second[:, coat] = look, look
        pattern[:, coat] = list(PATTERNS).index("plain")
    return Materials(
        pattern=pattern,
        colour=np.stack([hsv_to_rgb(hsv), hsv_to_rgb(second)], 2),
        frequency=rng.uniform(2.0, 4.0, shape).astype(np.float32),
        angle=rng.uniform(0, np.pi, shape).astype(np.float32),
        phase=rng.uniform(-0.3, 0.3, (*shape, 2)).astype(np.float32),
    )


def paint(rng: np.random.Generator, backdrops: Backdrops, cast: Cast) -> Painted:
    """Paint every scene, with light from above and sensor noise."""
    count = len(backdrops.slot)
    shapes = primitives(cast.poses)
    parts, coats = rasterise(shapes)
    rim = _rims(parts)
    x, y = body_coordinates(cast.poses)

    slot = backdrops.slot.copy()
    objects, part, texture = np.zeros((3, count, SIZE, SIZE), np.uint8)
    worn = 1 + np.array([list(COATS).index(name) if name in COATS else -1 for name in PATTERNS])[cast.materials.pattern]
    pixel = ((np.arange(SIZE) + 0.5) / 32).astype(np.float32)
    px, py = (np.broadcast_to(v, slot.shape).copy() for v in (pixel[None, None, :], pixel[None, :, None]))
    light = np.ones(slot.shape, np.float32)
    for order in range(1, MAX_OBJECTS + 1):
        which = np.flatnonzero(cast.order == order)
        seen = parts[which] > 0
        member, row, column = np.nonzero(seen)
        where = (cast.image[which][member], row, column)
        source = (which[member], row, column)
        slot[where] = STUFF_SLOTS + (order - 1) * COATS_PER_OBJECT + coats[source]
        objects[where], part[where] = order, parts[source]
        texture[where] = worn[which[member], coats[source]]
        px[where], py[where] = x[source], y[source]
        light[where] = (1.05 - 0.2 * np.clip(y[source], -1, 1)) * np.where(rim[source], _RIM_LIGHT, 1)

    colour = shade(slot, px, py, _stack(backdrops.materials, cast, count))
    exposure = backdrops.exposure[:, :1, None] + backdrops.exposure[:, 1:, None] * (pixel - 1)
    colour *= (light * exposure)[..., None]
    colour += rng.normal(0, 0.025, colour.shape).astype(np.float32)
    # Stuff ids by band; 0 under objects.
    stuff = np.take_along_axis(backdrops.stuff, backdrops.slot.reshape(count, -1), 1).reshape(slot.shape)
    return Painted(
        image=(np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8),
        object=objects,
        part=part,
        stuff=np.where(objects > 0, 0, stuff).astype(np.uint8),
        texture=texture,
        shapes=shapes,
    )


def _places(
    rng: np.random.Generator, kind: NDArray, scale: NDArray, crowd: NDArray, order: NDArray, horizon: NDArray
) -> NDArray[np.float32]:
    """Return centres [M, 2]: by habitat in height, side by side (with some overlap) if there are several."""
    count = len(kind)
    habitat = np.array([PLANS[name].habitat for name in CLASSES])[kind]
    half = half_height(kind) * scale
    # Several objects: the one in front (last in order) stands lowest.
    nearness = (order - 1 + rng.random(count)) / crowd
    feet = np.maximum(horizon + 5, 42) + nearness * np.maximum(62 - np.maximum(horizon + 5, 42), 2)
    height = np.where(habitat == "ground", feet - half, rng.uniform(12, 40, count))
    height = np.where(habitat == "afloat", horizon + rng.uniform(-4, 14, count), height)
    height = np.clip(height, half - 3, SIZE + 3 - half)
    # The first lane is drawn per image so that the nearest object is not always on the right.
    first = rng.integers(0, MAX_OBJECTS, count)[np.arange(count) - (order - 1)]
    lane = (order - 1 + first) % crowd
    side = np.where(crowd == 1, rng.normal(32, 5, count), (lane + 0.5) * SIZE / crowd + rng.normal(0, 3, count))
    return np.stack([np.clip(side, 8, 56), height], -1).astype(np.float32)


def _rims(parts: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a part [M, H, W] meets the outside, or another part below it or to its right."""
    padded = np.pad(parts, ((0, 0), (1, 1), (1, 1)))
    here = padded[:, 1:-1, 1:-1]
    after = (padded[:, 2:, 1:-1] != here) | (padded[:, 1:-1, 2:] != here)
    before = (padded[:, :-2, 1:-1] == 0) | (padded[:, 1:-1, :-2] == 0)
    return (here > 0) & (after | before)


def _stack(backdrop: Materials, cast: Cast, count: int) -> Materials:
    """Join the bands' and the objects' materials into one table per image."""

    def join(bands: NDArray, coats: NDArray) -> NDArray:
        table = np.zeros((count, STUFF_SLOTS + MAX_OBJECTS * COATS_PER_OBJECT, *bands.shape[2:]), bands.dtype)
        table[:, :STUFF_SLOTS] = bands
        first = STUFF_SLOTS + (cast.order - 1) * COATS_PER_OBJECT
        for coat in range(COATS_PER_OBJECT):
            table[cast.image, first + coat] = coats[:, coat]
        return table

    return Materials(**{name: join(getattr(backdrop, name), getattr(cast.materials, name)) for name in vars(backdrop)})
