"""The reader contracts, and the readers by name: a dataset's files in their official layout -> samples.

A sample is an image with whichever ground truth the dataset has. `Reader` is what all datasets offer; each kind of ground
truth beyond image labels is a protocol of its own, named in the registry's `ground_truth`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError, nearest


@dataclass(frozen=True)
class Region:
    """An annotated region of an image: an object or a part of one.

    Attributes:
        mask: [H, W] bool at the image's resolution.
        label: index of its category.
    """

    mask: np.ndarray
    label: int


@dataclass(frozen=True)
class KeypointPair:
    """Two images of one category with the key points that are visible in both.

    Attributes:
        source, target: positions of the two samples.
        category: name of the category.
        source_xy, target_xy: [K, 2] float pixels (x, y) of the original images, in the same order.
        target_box: (x0, y0, x1, y1) in pixels of the target image, of the object that carries the key points.
    """

    source: int
    target: int
    category: str
    source_xy: np.ndarray
    target_xy: np.ndarray
    target_box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Judgement:
    """What a retrieval benchmark says about one query: positions in the database.

    Attributes:
        query: position of the query sample.
        easy, hard, junk: positions of database samples; all others are wrong answers.
    """

    query: int
    easy: tuple[int, ...]
    hard: tuple[int, ...]
    junk: tuple[int, ...]


class Reader(Protocol):
    """Samples of one dataset, by position.

    Attributes:
        classes: names of the image classes; empty if the dataset has no image labels.
    """

    classes: list[str]

    def __len__(self) -> int:
        """Return the number of samples."""

    def id(self, position: int) -> str:
        """Return the sample's id: its file name within the dataset, or what stands for it."""

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB.

        Raises:
            BadImageError: the image cannot be read.
        """

    def label(self, position: int) -> int:
        """Return the index of the image's class in `classes`, or -1."""


class ObjectReader(Reader, Protocol):
    """A dataset with ``object_masks``."""

    def objects(self, position: int) -> list[Region]:
        """Return all annotated objects; empty if there are none."""


class PartReader(Reader, Protocol):
    """A dataset with ``part_masks``."""

    def parts(self, position: int) -> list[Region]:
        """Return all annotated parts of objects; empty if there are none."""


class VideoReader(Reader, Protocol):
    """A dataset with ``video_masks``: its samples are the frames of videos, in order, video by video."""

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the video, 0-based number of the frame)."""

    def object_map(self, position: int) -> np.ndarray:
        """Return [H, W] uint8: 0 background, 1.. the objects of the video, the same number in all frames."""


class PairReader(Reader, Protocol):
    """A dataset with ``keypoint_pairs``."""

    def pairs(self) -> list[KeypointPair]:
        """Return the evaluated pairs, category by category."""


class RetrievalReader(Reader, Protocol):
    """A dataset with ``retrieval``: its samples are database images and queries."""

    def database(self) -> list[int]:
        """Return the positions of the database images."""

    def judgements(self) -> list[Judgement]:
        """Return the queries."""


GROUND_TRUTH = {
    "object_masks": "objects",
    "part_masks": "parts",
    "video_masks": "object_map",
    "keypoint_pairs": "pairs",
    "retrieval": "judgements",
}


def open_reader(reader: str, path: str | Path, options: Mapping[str, Any] | None = None) -> Reader:
    """Return the reader named `reader` over the files at `path`.

    Args:
        reader: name of the reader.
        path: the dataset's files.
        options: what the registry says under `options`, keyword arguments of the reader.

    Raises:
        AtlasError: no reader has that name or takes these options, or the files are not in its layout.
    """
    # Imported here, not above, because the readers build on this module.
    from workflow_scripts.data.demo_world import DemoClips, DemoPairs, DemoWorld
    from workflow_scripts.data.image_folder import ImageFolder

    readers = {
        "demo_world": DemoWorld,
        "demo_clips": DemoClips,
        "demo_pairs": DemoPairs,
        "image_folder": ImageFolder,
    }
    if reader not in readers:
        raise AtlasError(f"reader '{reader}' is not known (known: {', '.join(readers)}){nearest(reader, readers)}")
    taken = list(inspect.signature(readers[reader]).parameters)[1:]
    for option in options or {}:
        if option not in taken:
            raise AtlasError(f"reader '{reader}' has no option '{option}' (options: {', '.join(taken) or 'none'})")
    return readers[reader](Path(path), **(options or {}))
