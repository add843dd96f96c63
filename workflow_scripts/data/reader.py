"""The reader contracts, and readers opened by name: a dataset's files in their official layout -> samples.

A sample is an image with whichever ground truth the dataset has. `Reader` is what all datasets offer; each kind of ground
truth beyond image labels is a protocol of its own, named in the registry's `ground_truth`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader_names import READERS, check_options, reader_module

GROUND_TRUTH = {
    "object_masks": "objects",
    "part_masks": "parts",
    "video_masks": "object_map",
    "keypoint_pairs": "pairs",
    "retrieval": "judgements",
    "boxes": "boxes",
    "tracks": "frame",
    "dense_labels": "dense_labels",
    "dense_groups": "dense_groups",
    "concepts": "concepts",
}


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
    """Two images of one category with the keypoints that are visible in both.

    Attributes:
        source, target: positions of the two samples.
        category: name of the category.
        source_xy, target_xy: [K, 2] float pixels (x, y) of the original images, in the same order.
        target_box: (x0, y0, x1, y1) in pixels of the target image, of the object that carries the keypoints.
    """

    source: int
    target: int
    category: str
    source_xy: np.ndarray
    target_xy: np.ndarray
    target_box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Box:
    """A box around an object.

    Attributes:
        xyxy: (x0, y0, x1, y1) in pixels of the image, its edges: x1 - x0 is the width, whatever the dataset counts. It may
            reach beyond the image.
        label: index of its category in the reader's `box_classes`.
        track: what stays the same for one object in all frames of a video; empty without tracks.
        flags: what the dataset says about it, of "crowd", "difficult", "distractor", "ignored", "occluded", "truncated".
        corners: [4, 2] (x, y) of a rotated box, whose bounds are `xyxy`; None for an upright one.
    """

    xyxy: tuple[float, float, float, float]
    label: int
    track: str = ""
    flags: frozenset[str] = frozenset()
    corners: np.ndarray | None = None


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


class FileReader(Reader, Protocol):
    """A dataset whose samples are image files, which may be decoded in another way than by `image`.

    Attributes:
        left_over: what the folders that were listed hold and nobody read, in words; empty if nothing.
        upright: True if `image` is turned as the file's EXIF orientation says; absent where it is as stored.
    """

    left_over: str

    def file(self, position: int) -> Path | None:
        """Return the file that `image` reads whole, None where the sample is a part of one."""


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


class BoxReader(Reader, Protocol):
    """A dataset with ``boxes``.

    Attributes:
        box_classes: names of the categories of the boxes.
    """

    box_classes: list[str]

    def boxes(self, position: int) -> list[Box]:
        """Return all annotated boxes; empty if there are none."""


class TrackReader(BoxReader, Protocol):
    """A dataset with ``boxes`` and ``tracks``: its samples are the frames of videos, in order, and boxes follow objects."""

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the video, 0-based number of the frame)."""


class DenseReader(Reader, Protocol):
    """A dataset with ``dense_labels``.

    Attributes:
        dense_classes: names of the classes of the pixels.
    """

    dense_classes: list[str]

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: the class of every pixel of the image, -1 where it has none and must not be scored."""


class GroupedReader(DenseReader, Protocol):
    """A dataset with ``dense_groups``: classes of the pixels are background or belong to groups."""

    def dense_groups(self) -> list[str]:
        """Return the name of the group of each class, "" of one that is background."""


class ConceptReader(Reader, Protocol):
    """A dataset with ``concepts``: labels of several kinds, of which a pixel may have many.

    Attributes:
        concept_names: number of a concept -> its name.
        concept_categories: number of a concept -> its categories, the first of which it counts in.
    """

    concept_names: dict[int, str]
    concept_categories: dict[int, list[str]]

    def concepts(self, position: int) -> dict[str, np.ndarray]:
        """Return for every kind of concept that the image is labelled with [L, h, w] int32, L labels of every pixel.

        0 is no label. The maps may be smaller than the image; h = w = 1 for a label of the whole image.
        """


def open_reader(reader: str, path: str | Path, options: Mapping[str, Any] | None = None) -> Reader:
    """Return the reader named `reader` over the files at `path`.

    Args:
        reader: name of the reader.
        path: the dataset's files.
        options: what the registry says under `options`, keyword arguments of the reader.

    Raises:
        AtlasError: no reader has that name or takes these options, or the files are not in its layout.
    """
    module = importlib.import_module(f"workflow_scripts.{reader_module(reader)}")
    options = options or {}
    if problems := check_options(reader, options):
        raise AtlasError("; ".join(problems))
    return getattr(module, READERS[reader].split(":")[1])(Path(path), **options)
