"""From body plans to posed primitives in pixels, for many objects at once."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.demo.anatomy import PARTS, Plan
from workflow_scripts.demo.plans import CLASSES, KEYPOINTS, PLANS

Floats = NDArray[np.float32]
MAX_PARTS = max(len(plan.parts) for plan in PLANS.values())
_THINNEST_PX = 0.7  # half width below which a mast or a tail would fall between the pixel centres


@dataclass
class Poses:
    """M posed objects.

    Attributes:
        kind: [M] class index.
        centre: [M, 2] pixels (x, y).
        scale: [M] pixels per half extent.
        turn: [M] radians, clockwise.
        flip: [M] 1 faces right, -1 left.
        bend: [M, MAX_PARTS] joint angles, radians.
        stretch: [M, MAX_PARTS, 2] factors on the half extents of the parts.
    """

    kind: NDArray[np.int64]
    centre: Floats
    scale: Floats
    turn: Floats
    flip: Floats
    bend: Floats
    stretch: Floats

    def take(self, index: NDArray) -> Poses:
        """Return the poses chosen by `index` (integers or booleans)."""
        return Poses(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass
class Primitives:
    """P parts of each of M objects, back to front, in pixels.

    Attributes:
        origin, across, along: [M, P, 2] centre, and the vectors of u = 1 and v = 1.
        box: [M, P] bool; taper: [M, P]; part: [M, P] part id (0: no such part); coat: [M, P].
    """

    origin: Floats
    across: Floats
    along: Floats
    box: NDArray[np.bool_]
    taper: Floats
    part: NDArray[np.uint8]
    coat: NDArray[np.uint8]


def draw_poses(rng: np.random.Generator, kind: NDArray[np.int64]) -> Poses:
    """Return poses of the classes `kind` with random lean, flip, joints and proportions, centre 0 and scale 1."""
    count = len(kind)
    lean = np.radians([PLANS[name].lean for name in CLASSES])[kind]
    return Poses(
        kind=kind,
        centre=np.zeros((count, 2), np.float32),
        scale=np.ones(count, np.float32),
        turn=(rng.normal(0, 1, count) * lean).astype(np.float32),
        flip=rng.choice(np.array([-1, 1], np.float32), count),
        bend=(rng.normal(0, 1, (count, MAX_PARTS)).clip(-2, 2) * _PLANS.swing[kind]).astype(np.float32),
        stretch=np.exp(rng.normal(0, 0.09, (count, MAX_PARTS, 2)).clip(-0.2, 0.2)).astype(np.float32),
    )


def half_height(kind: NDArray[np.int64]) -> Floats:
    """Return how far each class reaches above and below its centre at scale 1, in the rest pose."""
    return _PLANS.half[kind, 1]


def primitives(poses: Poses) -> Primitives:
    """Pose every part: swings pass on to the parts carried, then the object is turned, flipped, scaled and placed."""
    kind = poses.kind
    rows = np.arange(len(kind))[:, None]
    at, parent, depth = _PLANS.at[kind], _PLANS.parent[kind], _PLANS.depth[kind]
    swung = poses.bend.copy()
    joint = at.copy()
    for level in range(1, int(_PLANS.depth.max()) + 1):
        carried = swung[rows, parent]
        moved = joint[rows, parent] + _rotate(at - at[rows, parent], carried)
        here = depth == level
        swung = np.where(here, carried + poses.bend, swung)
        joint = np.where(here[..., None], moved, joint)

    size = _PLANS.size[kind] * poses.stretch
    angle = _PLANS.angle[kind] + swung
    zero = np.zeros_like(size[..., 0])
    across = _rotate(np.stack([size[..., 0], zero], -1), angle)
    along = _rotate(np.stack([zero, size[..., 1]], -1), angle)
    origin = joint + along * _PLANS.hang[kind][..., None]
    across, along, origin = (_place(v, poses) for v in (across, along, origin))
    return Primitives(
        origin=(origin + poses.centre[:, None]).astype(np.float32),
        across=_thicken(across),
        along=_thicken(along),
        box=_PLANS.box[kind],
        taper=_PLANS.taper[kind],
        part=_PLANS.part[kind],
        coat=_PLANS.coat[kind],
    )


def keypoints(poses: Poses, shapes: Primitives) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return (object index [K], keypoint name id [K], xy [K, 2] in pixels) of every keypoint of every object."""
    owner, names, points = [], [], []
    for kind, plan in enumerate(PLANS.values()):
        members = np.flatnonzero(poses.kind == kind)
        for index, part in enumerate(plan.parts):
            for mark, (u, v) in part.marks.items():
                xy = shapes.origin[members, index] + u * shapes.across[members, index] + v * shapes.along[members, index]
                owner.append(members)
                names.append(np.full(len(members), KEYPOINTS.index(mark)))
                points.append(xy)
    order = np.lexsort((np.concatenate(names), np.concatenate(owner)))
    return np.concatenate(owner)[order], np.concatenate(names)[order], np.concatenate(points)[order].astype(np.float32)


def _rotate(vector: NDArray, angle: NDArray) -> NDArray:
    c, s = np.cos(angle), np.sin(angle)
    x, y = vector[..., 0], vector[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], -1)


def _place(vector: NDArray, poses: Poses) -> NDArray:
    turned = _rotate(vector, poses.turn[:, None])
    turned[..., 0] *= poses.flip[:, None]
    return turned * poses.scale[:, None, None]


def _thicken(axis: NDArray) -> Floats:
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    return (axis * np.maximum(1, _THINNEST_PX / np.maximum(length, 1e-6))).astype(np.float32)


@dataclass
class _Compiled:
    """All plans as arrays [classes, MAX_PARTS, ...], centred on the rest pose and scaled to half extent 1."""

    at: Floats
    size: Floats
    angle: Floats
    hang: Floats
    taper: Floats
    swing: Floats
    box: NDArray[np.bool_]
    parent: NDArray[np.int64]
    depth: NDArray[np.int64]
    part: NDArray[np.uint8]
    coat: NDArray[np.uint8]
    half: Floats


def _extent(plan: Plan) -> tuple[NDArray, NDArray]:
    corners = []
    for part in plan.parts:
        angle = np.radians(part.angle)
        along = _rotate(np.array([0.0, part.size[1]]), angle)
        across = _rotate(np.array([part.size[0], 0.0]), angle)
        centre = np.array(part.at) + along * part.hang
        # An ellipse reaches sqrt(a^2 + b^2) along an axis; a box is taken at its tapered far end.
        reach = np.abs(across) + np.abs(along) if part.box else np.hypot(across, along)
        corners += [centre - reach, centre + reach]
    return np.min(corners, axis=0), np.max(corners, axis=0)


def _depth(plan: Plan, index: int) -> int:
    parent = plan.parts[index].parent
    return 0 if parent is None else 1 + _depth(plan, parent)


def _compile() -> _Compiled:
    shape = (len(PLANS), MAX_PARTS)
    table = _Compiled(
        at=np.zeros((*shape, 2), np.float32),
        size=np.zeros((*shape, 2), np.float32),
        **{name: np.zeros(shape, np.float32) for name in ("angle", "hang", "taper", "swing")},
        box=np.zeros(shape, bool),
        **{name: np.zeros(shape, np.int64) for name in ("parent", "depth")},
        **{name: np.zeros(shape, np.uint8) for name in ("part", "coat")},
        half=np.zeros((len(PLANS), 2), np.float32),
    )
    for k, plan in enumerate(PLANS.values()):
        low, high = _extent(plan)
        middle, unit = (low + high) / 2, float((high - low).max() / 2)
        table.half[k] = (high - low) / 2 / unit
        for i, part in enumerate(plan.parts):
            table.at[k, i] = (np.array(part.at) - middle) / unit
            table.size[k, i] = np.array(part.size) / unit
            table.angle[k, i], table.swing[k, i] = np.radians(part.angle), np.radians(part.swing)
            table.hang[k, i], table.taper[k, i], table.box[k, i] = part.hang, part.taper, part.box
            table.parent[k, i], table.depth[k, i] = part.parent or 0, _depth(plan, i)
            table.part[k, i], table.coat[k, i] = PARTS.index(part.name), part.coat
    return table


_PLANS = _compile()
