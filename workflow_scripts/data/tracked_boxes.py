"""Boxes that follow objects through videos, as a pass needs them: in pixels of the seen images, cut off where these end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.reader import Box, TrackReader
from workflow_scripts.data.views import Size, View, shown_area


def tracked_boxes(
    reader: TrackReader, samples: pd.DataFrame, view: View, on_image: Callable[[int], None] = lambda done: None
) -> tuple[dict[str, np.ndarray], int]:
    """Return the boxes of all frames, and how many are left out because nothing of them is seen.

    What is seen of a box ends where the image does: features beyond it are none of the object's. Where an image is rotated
    a box becomes the upright one around it.

    Args:
        reader: a dataset of videos whose boxes follow objects.
        samples: the samples table of the crops.
        view: of the crops.
        on_image: called with the number of images done.

    Returns:
        video [n], frame [n] int64: of every image the number of its video, from 0, and of its frame, as the dataset counts:
        frames may be missing. Of M boxes, image by image: box_image [M] int64; box_xyxy [M, 4] float32 (x0, y0, x1, y1) in
        pixels of the seen image; box_track [M] int64, the same for one object in all frames of its video and for no
        other; box_label [M] int64, its category; box_ignored [M] uint8, 1 where the benchmark says that it does not count.

    Raises:
        AtlasError: the dataset has no such boxes, or a frame's boxes are not one for each of its objects; names the image.
    """
    if not hasattr(reader, "boxes") or not hasattr(reader, "frame"):
        raise AtlasError("no boxes that follow objects through videos; choose a dataset that has them")
    names, numbers = zip(*(reader.frame(position) for position in samples["position"]), strict=True)
    videos = {name: number for number, name in enumerate(dict.fromkeys(names))}
    tracks: dict[tuple[str, str], int] = {}
    found: list[tuple[int, int, int, int]] = []
    edges, left_out = [np.empty((0, 4), np.float32)], 0
    sizes = zip(samples["image_height"], samples["image_width"], strict=True)
    for row, (position, size) in enumerate(zip(samples["position"], sizes, strict=True)):
        boxes = reader.boxes(position)
        if problem := _problem(boxes):
            raise AtlasError(f"image {samples['id'].iloc[row]}: {problem}")
        seen = _seen(view, np.array([box.xyxy for box in boxes], np.float64).reshape(-1, 4), size)
        kept = (seen[:, 2:] > seen[:, :2]).all(1)
        for box in (boxes[at] for at in np.flatnonzero(kept)):
            track = tracks.setdefault((names[row], box.track), len(tracks))
            found.append((row, track, box.label, "ignored" in box.flags))
        edges.append(seen[kept])
        left_out += int((~kept).sum())
        on_image(row + 1)
    if not found:
        raise AtlasError("no box is left; check the dataset, the view and the images that were skipped")
    image, track, label, ignored = np.array(found, np.int64).T
    arrays = {
        "video": np.array([videos[name] for name in names], np.int64),
        "frame": np.array(numbers, np.int64),
        "box_image": image,
        "box_xyxy": np.concatenate(edges),
        "box_track": track,
        "box_label": label,
        "box_ignored": ignored.astype(np.uint8),
    }
    return arrays, left_out


def _problem(boxes: list[Box]) -> str:
    """Return what is wrong with the boxes of a frame, "" if nothing is."""
    for box in boxes:
        x0, y0, x1, y1 = box.xyxy
        if not box.track:
            return "a box without a track; choose a dataset whose boxes follow objects through videos"
        if x1 < x0 or y1 < y0:
            return f"the box of track '{box.track}' ends before it begins ({x0:g}, {y0:g}, {x1:g}, {y1:g}); correct the dataset"
    for track, times in Counter(box.track for box in boxes).items():
        if times > 1:
            return f"track '{track}' has {times} boxes; give each object of a frame a track of its own"
    return ""


def _seen(view: View, xyxy: np.ndarray, size: Size) -> np.ndarray:
    """Return what is seen of boxes [K, 4] of an image of `size`, in pixels of the seen image; no area where nothing is."""
    corners = geometry.points(view, xyxy[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 2), size).reshape(-1, 4, 2)
    top, left, bottom, right = shown_area(view, size)
    least, most = np.array([left, top], np.float32), np.array([right, bottom], np.float32)
    return np.concatenate([np.clip(corners.min(1), least, most), np.clip(corners.max(1), least, most)], 1)
