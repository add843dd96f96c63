"""The demo world's splits: arrays of images and ground truth in one safetensors file each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.demo.anatomy import PARTS, STUFF
from workflow_scripts.demo.backdrop import SCENES, SIZE, draw_backdrops
from workflow_scripts.demo.captions import caption
from workflow_scripts.demo.plans import CLASSES, KEYPOINTS, PLANS
from workflow_scripts.demo.pose import keypoints
from workflow_scripts.demo.scenes import Cast, Painted, draw_cast, draw_classes, paint
from workflow_scripts.demo.textures import COATS

Arrays = dict[str, NDArray]
_CHUNK = 96  # scenes painted together: fits the cache, and fixes which random numbers image i gets
# In the order of their random numbers: zoo trains the shipped networks, tuning chose their recipes, no table reads either.
_SPLITS = ("train", "val", "zoo", "tuning")


def vocabulary() -> dict[str, list[str]]:
    """Return the names behind the ids: of classes, keypoints and scenes from 0; of parts, stuff and textures 0 is "none"."""
    return {
        "classes": list(CLASSES),
        "parts": list(PARTS),
        "stuff": list(STUFF),
        "textures": ["none", *COATS],
        "scenes": list(SCENES),
        "keypoints": list(KEYPOINTS),
    }


def paint_split(seed: int, split: str, count: int) -> tuple[Arrays, list[str]]:
    """Paint `count` scenes of the split "train", "val", "zoo" or "tuning".

    Image i depends only on the seed, the split and i.

    Returns:
        The arrays, and one caption per image. Arrays, N images, M visible objects, K keypoints: image [N, 64, 64, 3],
        object, part, stuff, texture [N, 64, 64] uint8, the texture being the pattern that an object wears there; label [N]
        int64, the class of the object with most visible pixels; scene [N] int64, the setting;
        object_image, object_index (1-based, as in `object`), object_class [M] int64; object_box [M, 4] int64
        (x0, y0, x1, y1), half-open, of the visible pixels; keypoint_image, keypoint_object (as object_index),
        keypoint_name [K] int64; keypoint_xy [K, 2] float32 pixels, pixel (row r, column c) covering [c, c + 1) x
        [r, r + 1); keypoint_visible [K] bool, inside the image and not behind another object.
    """
    chunks, captions = [], []
    for start in range(0, count, _CHUNK):
        rng = np.random.default_rng([seed, _SPLITS.index(split), start // _CHUNK])
        arrays, lines = _paint_chunk(rng, min(_CHUNK, count - start))
        for name in ("object_image", "keypoint_image"):
            arrays[name] += start
        chunks.append(arrays)
        captions += lines
    return {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}, captions


def save_world(path: str | Path, arrays: Arrays, metadata: dict) -> None:
    """Write `arrays` and JSON-valued `metadata` as one safetensors file, whole or not at all."""
    write_arrays(path, arrays, {name: json.dumps(value) for name, value in metadata.items()})


def load_world(path: str | Path, names: tuple[str, ...]) -> tuple[Arrays, dict]:
    """Return the named arrays and the metadata of a split or clip file.

    Raises:
        AtlasError: the file is missing, is no safetensors file, or lacks one of the arrays.
    """
    redo = "paint it again with `python -m workflow_scripts.paint_world`"
    try:
        with safe_open(path, framework="numpy") as file:
            absent = [name for name in names if name not in set(file.keys())]
            if absent:
                raise AtlasError(f"{path}: not a demo world (no array '{absent[0]}'); {redo}")
            metadata = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
            return {name: file.get_tensor(name) for name in names}, metadata
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise AtlasError(f"{path}: cannot be read as a demo world ({error}); {redo}") from error


def boxes_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (x0, y0, x1, y1), half-open, of the true pixels of each mask [M, H, W]; no mask may be empty."""
    rows, columns = mask.any(2), mask.any(1)
    x0, y0 = columns.argmax(1), rows.argmax(1)
    x1, y1 = mask.shape[2] - columns[:, ::-1].argmax(1), mask.shape[1] - rows[:, ::-1].argmax(1)
    return np.stack([x0, y0, x1, y1], 1).astype(np.int64)


def _paint_chunk(rng: np.random.Generator, count: int) -> tuple[Arrays, list[str]]:
    # Always a whole chunk, so that a longer split begins with the same images.
    image, order, kind = draw_classes(rng, _CHUNK)
    main = np.flatnonzero(np.diff(image, append=_CHUNK))  # the last, nearest object of every image
    backdrops = draw_backdrops(rng, [PLANS[CLASSES[k]].home for k in kind[main]])
    cast = draw_cast(rng, backdrops, image, order, kind)
    painted = paint(rng, backdrops, cast)

    mask = painted.object[cast.image] == cast.order[:, None, None]
    area = mask.sum((1, 2))
    largest = np.lexsort((-area, cast.image))
    label = np.zeros(_CHUNK, np.int64)
    # Reversed, so that the first (largest) object of an image is assigned last and stays.
    label[cast.image[largest[::-1]]] = cast.poses.kind[largest[::-1]]
    captions = _captions(rng, cast, painted, area)

    seen = np.flatnonzero((area > 0) & (cast.image < count))
    owner, name, xy = keypoints(cast.poses, painted.shapes)
    kept = np.isin(owner, seen)
    owner, name, xy = owner[kept], name[kept], xy[kept]
    return {
        "image": painted.image[:count],
        "label": label[:count],
        "object": painted.object[:count],
        "part": painted.part[:count],
        "stuff": painted.stuff[:count],
        "texture": painted.texture[:count],
        "scene": backdrops.scenes()[:count],
        "object_image": cast.image[seen],
        "object_index": cast.order[seen],
        "object_class": cast.poses.kind[seen],
        "object_box": boxes_of(mask[seen]),
        "keypoint_image": cast.image[owner],
        "keypoint_object": cast.order[owner],
        "keypoint_name": name,
        "keypoint_xy": xy,
        "keypoint_visible": _visible(mask, owner, xy),
    }, captions[:count]


def _visible(mask: NDArray[np.bool_], owner: NDArray[np.int64], xy: NDArray[np.float32]) -> NDArray[np.bool_]:
    column, row = np.floor(xy).astype(np.int64).T
    inside = (column >= 0) & (column < SIZE) & (row >= 0) & (row < SIZE)
    return inside & mask[owner, row.clip(0, SIZE - 1), column.clip(0, SIZE - 1)]


def _captions(rng: np.random.Generator, cast: Cast, painted: Painted, area: NDArray[np.int64]) -> list[str]:
    lines = []
    for image in range(len(painted.image)):
        mine = np.flatnonzero((cast.image == image) & (area > 0))
        classes = [CLASSES[k] for k in cast.poses.kind[mine[np.argsort(-area[mine], kind="stable")]]]
        pixels = np.bincount(painted.stuff[image].ravel(), minlength=len(STUFF))
        pixels[0] = 0
        common = [STUFF[k] for k in np.argsort(-pixels, kind="stable")[:2] if pixels[k] > 0.05 * SIZE * SIZE]
        lines.append(caption(rng, classes, common or [STUFF[int(pixels.argmax())]]))
    return lines
