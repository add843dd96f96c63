"""Decoded crops: every image of a dataset decoded once per view, packed as uint8, shared by all models.

A sample has one crop, or with a view of `Tiles` several: the columns `first_crop` and `n_crops` say which, `height` and
`width` the size of the image that they were cut from, in pixels of the crops; `image_height` and `image_width` are those
of the file.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.disk import require_space
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.folders import printable
from workflow_scripts.data.images import ORIENTATION, BadImageError
from workflow_scripts.data.reader import Reader
from workflow_scripts.data.views import Size, View

T = TypeVar("T")
S = TypeVar("S")
SAMPLE_COLUMNS = [
    "position", "id", "label", "class", "image_height", "image_width", "height", "width", "first_crop", "n_crops",
]  # fmt: skip
NOTES = "notes"  # key of the samples' `attrs`: lines about how the dataset was read; they are kept in the file


@dataclass(frozen=True)
class Loaded:
    """The crops of an image.

    Attributes:
        crops: [n, rows, columns, 3] uint8.
        size: (height, width) of the image that they were made of.
        orientation: what the image's file states by EXIF, 1 to 8; 1 is as it is stored.
    """

    crops: np.ndarray
    size: Size
    orientation: int = 1


Load = Callable[[int], Loaded]


def write_crops(
    path: str | Path,
    reader: Reader,
    positions: Iterable[int],
    view: View,
    on_bad_image: str,
    workers: int,
    on_image: Callable[[int], None] = lambda done: None,
    load: Load | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """Decode, resize and crop images into one .npy file [crops, rows, columns, 3] uint8.

    Args:
        path: the .npy file, written whole or not at all.
        reader: the dataset.
        positions: which samples, in this order.
        view: how an image becomes crops.
        on_bad_image: "stop" raises at the first image that cannot be read, "skip" leaves it out.
        workers: decoding threads.
        on_image: called with the number of images done.
        load: position -> crops and size of the image; by default `plain_load`.

    Returns:
        The samples that are in the file (columns `SAMPLE_COLUMNS`; `attrs` has the `NOTES`) and the messages of skipped images.

    Raises:
        BadImageError: an image cannot be read and `on_bad_image` is "stop".
        AtlasError: every image was skipped, or the disk has no room for the crops.
    """
    positions = list(positions)
    rows, skipped = [], []
    turned = 0
    wanted = len(positions) * view.shape[0] * view.shape[1] * 3  # bytes; more of views with several crops an image
    require_space(Path(path).parent, wanted, f"the crops {Path(path).name}")
    with atomic_path(path, wanted) as temporary, _CropFile(temporary, view.shape, len(positions)) as file:
        images = _in_order(_load_or_say(load or plain_load(reader, view)), positions, workers)
        for done, (position, loaded) in enumerate(images, start=1):
            if isinstance(loaded, BadImageError):
                if on_bad_image == "stop":
                    raise BadImageError(f"{loaded} (or set on_bad_image: skip to leave such images out)")
                skipped.append(printable(str(loaded)))
            else:
                first, count = file.append(loaded.crops)
                rows.append((position, *_names(reader, position), *loaded.size, *view.seen_size(loaded.size), first, count))
                turned += loaded.orientation != 1
            on_image(done)
        if not rows:
            raise AtlasError(f"no image of {len(positions)} could be read; the first: {skipped[0] if skipped else 'none'}")
    samples = pd.DataFrame(rows, columns=SAMPLE_COLUMNS)
    samples.attrs[NOTES] = [*reading_notes(reader), *_turning_notes(reader, turned)]
    return samples, skipped


def plain_load(reader: Reader, view: View) -> Load:
    """Return the function that makes the crops of a sample as reader and view define them, by PIL."""

    def load(position: int) -> Loaded:
        image = reader.image(position)
        return Loaded(geometry.crops(view, image, position), image.size[::-1], image.info.get(ORIENTATION, 1))

    return load


def reading_notes(reader: Reader) -> list[str]:
    """Return lines about what a dataset's folders hold that is not read, and about names that are written in another way."""
    left_over = getattr(reader, "left_over", "")
    notes = [f"not read: {left_over}"] if left_over else []
    if any("\\" in reader.id(position) for position in range(len(reader))):
        notes.append(r"names with bytes that are not UTF-8, control characters or backslashes are written as \xe9, \u000a, \\")
    return notes


def _turning_notes(reader: Reader, turned: int) -> list[str]:
    if not turned:
        return []
    if getattr(reader, "upright", False):
        return [f"images turned upright, as their EXIF orientation says: {turned}"]
    return [f"images with an EXIF orientation, which is not followed, as by the benchmarks' own code: {turned}"]


def _load_or_say(load: Load) -> Callable[[int], Loaded | BadImageError]:
    def load_or_say(position: int) -> Loaded | BadImageError:
        try:
            return load(position)
        except BadImageError as error:
            return error

    return load_or_say


def _names(reader: Reader, position: int) -> tuple[str, int, str]:
    """Return a sample's id, label and class."""
    label = reader.label(position)
    return reader.id(position), label, reader.classes[label] if label >= 0 else ""


class _CropFile:
    """An .npy file of crops that grows by `append`; the number in its header is right once the block ends well."""

    def __init__(self, path: Path, shape: Size, least: int) -> None:
        """Open `path` for at least so many crops of `shape`."""
        self._shape, self._count = shape, 0
        self._file = open(path, "wb")  # noqa: SIM115
        self._file.write(_header(least, shape))

    def append(self, crops: np.ndarray) -> tuple[int, int]:
        """Write crops [n, rows, columns, 3] uint8; return the number of the first and n."""
        first = self._count
        self._file.write(crops.tobytes())
        self._count += len(crops)
        return first, len(crops)

    def __enter__(self) -> _CropFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._file.write(_header(self._count, self._shape))


def _header(count: int, shape: Size) -> bytes:
    # NumPy pads the header so that the first axis may change without moving the data.
    buffer = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape, 3)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def _in_order(load: Callable[[T], S], items: list[T], workers: int) -> Iterator[tuple[T, S]]:
    """Yield (item, load(item)) in order, loading a bounded number ahead on `workers` threads."""
    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting: deque[tuple[T, Future[S]]] = deque()
        try:
            for item in items:
                waiting.append((item, pool.submit(load, item)))
                if len(waiting) >= 8 * max(1, workers):
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()
