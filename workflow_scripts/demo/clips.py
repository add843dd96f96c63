"""Short clips: the same things, moving; one object crosses another or leaves the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workflow_scripts.demo.backdrop import SIZE, Backdrops, draw_backdrops
from workflow_scripts.demo.plans import CLASSES, PLANS
from workflow_scripts.demo.pose import draw_poses
from workflow_scripts.demo.scenes import Cast, draw_coats, paint
from workflow_scripts.demo.textures import Materials
from workflow_scripts.demo.world import Arrays, boxes_of

_STREAM = 2  # random numbers apart from those of the splits


def paint_clips(seed: int, clips: int, frames: int) -> Arrays:
    """Paint `clips` clips of `frames` frames; a clip depends only on the seed, its number and `frames`.

    Clips take turns: two objects that cross, two of which one leaves the picture, three that move freely.

    Returns:
        C clips, F frames, T tracks, B boxes: image [C, F, 64, 64, 3] uint8; object [C, F, 64, 64] uint8, the track id
        within the clip (from 1), 0 elsewhere; stuff, part [C, F, 64, 64] uint8; track_clip, track_index, track_class
        [T] int64; box_clip, box_frame, box_track [B] int64 and box_xyxy [B, 4] int64, half-open: one for every track
        and frame with a visible pixel.
    """
    painted = [_paint_clip(np.random.default_rng([seed, _STREAM, clip]), clip, frames) for clip in range(clips)]
    arrays = {}
    for name in painted[0]:
        joined = [clip[name] for clip in painted]
        arrays[name] = np.stack(joined) if name in ("image", "object", "part", "stuff") else np.concatenate(joined)
    return arrays


def _paint_clip(rng: np.random.Generator, clip: int, frames: int) -> Arrays:
    script = clip % 3
    tracks = 3 if script == 2 else 2
    kind = rng.choice(len(CLASSES), tracks, replace=False)
    backdrop = _repeat(draw_backdrops(rng, [PLANS[CLASSES[kind[0]]].home]), frames)
    start = draw_poses(rng, kind)
    start.scale = rng.uniform(14, 18, tracks).astype(np.float32)
    centre = _paths(rng, script, tracks, frames)
    gait = rng.uniform(0, 2 * np.pi, tracks)

    frame, track = (v.ravel() for v in np.meshgrid(np.arange(frames), np.arange(tracks), indexing="ij"))
    poses = start.take(track)
    beat = 2 * np.pi * frame / 6 + gait[track]
    poses.bend = poses.bend + (0.16 * np.sin(beat[:, None] + 1.7 * np.arange(poses.bend.shape[1]))).astype(np.float32)
    poses.turn = poses.turn + (0.05 * np.sin(beat)).astype(np.float32)
    poses.centre = centre[frame, track]
    poses.flip = np.sign(centre[-1, track, 0] - centre[0, track, 0] + 1e-3).astype(np.float32)
    coats = draw_coats(rng, tracks)
    worn = Materials(**{name: value[track] for name, value in vars(coats).items()})
    painted = paint(rng, backdrop, Cast(frame, track + 1, poses, worn))

    mask = painted.object[frame] == (track + 1)[:, None, None]
    seen = np.flatnonzero(mask.any((1, 2)))
    return {
        "image": painted.image,
        "object": painted.object,
        "part": painted.part,
        "stuff": painted.stuff,
        "track_clip": np.full(tracks, clip),
        "track_index": np.arange(1, tracks + 1),
        "track_class": kind,
        "box_clip": np.full(len(seen), clip),
        "box_frame": frame[seen],
        "box_track": track[seen] + 1,
        "box_xyxy": boxes_of(mask[seen]),
    }


def _paths(rng: np.random.Generator, script: int, tracks: int, frames: int) -> NDArray[np.float32]:
    """Return centres [F, T, 2]."""
    time = np.linspace(0, 1, frames)[:, None]
    height = rng.uniform(34, 44) + rng.uniform(-3, 3, tracks)
    if script == 0:  # they meet halfway; the later track is in front
        begin, end = np.array([17.0, 47.0]), np.array([47.0, 17.0])
    elif script == 1:  # the second walks out of the picture
        begin, end = np.array([20.0, 42.0]), np.array([26.0, 90.0])
    else:
        begin = np.array([14.0, 32.0, 50.0]) + rng.normal(0, 2, 3)
        end = begin + rng.uniform(6, 12, 3) * rng.choice([-1, 1], 3)
        height = np.array([28.0, 37.0, 46.0]) + rng.normal(0, 2, 3)
    x = begin + (end - begin) * time
    y = height + 1.2 * np.sin(2 * np.pi * (1.5 * time + rng.random(tracks)))
    if rng.random() < 0.5:
        x = SIZE - x
    return np.stack([x, y], -1).astype(np.float32)


def _repeat(backdrop: Backdrops, frames: int) -> Backdrops:
    materials = Materials(**{name: np.repeat(value, frames, 0) for name, value in vars(backdrop.materials).items()})
    still = (backdrop.slot, backdrop.stuff, backdrop.exposure, backdrop.horizon)
    return Backdrops(*(np.repeat(value, frames, 0) for value in still), materials=materials)
