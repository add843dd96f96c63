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
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from workflow_scripts.common.atomic import atomic_path
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import geometry
from workflow_scripts.data.images import BadImageError
from workflow_scripts.data.reader import Reader
from workflow_scripts.data.views import Size, View

T = TypeVar("T")
S = TypeVar("S")
Loaded = tuple[np.ndarray, Size]  # crops [n, rows, columns, 3] uint8; (height, width) of the image
Load = Callable[[int], Loaded]
SAMPLE_COLUMNS = [
    "position", "id", "label", "class", "image_height", "image_width", "height", "width", "first_crop", "n_crops",
]  # fmt: skip


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
        The samples that are in the file (columns `SAMPLE_COLUMNS`) and the messages of skipped images.

    Raises:
        BadImageError: an image cannot be read and `on_bad_image` is "stop".
        AtlasError: every image was skipped.
    """
    positions = list(positions)
    rows, skipped = [], []
    n_crops = 0

    load = load or plain_load(reader, view)

    def load_or_say(position: int) -> Loaded | BadImageError:
        try:
            return load(position)
        except BadImageError as error:
            return error

    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(len(positions), view.shape))
        for done, (position, loaded) in enumerate(_in_order(load_or_say, positions, workers), start=1):
            if isinstance(loaded, BadImageError):
                if on_bad_image == "stop":
                    raise BadImageError(f"{loaded} (or set on_bad_image: skip to leave such images out)")
                skipped.append(str(loaded))
            else:
                crops, size = loaded
                file.write(crops.tobytes())
                label = reader.label(position)
                name = reader.classes[label] if label >= 0 else ""
                rows.append((position, reader.id(position), label, name, *size, *view.seen_size(size), n_crops, len(crops)))
                n_crops += len(crops)
            on_image(done)
        if not rows:
            raise AtlasError(f"no image of {len(positions)} could be read; the first: {skipped[0] if skipped else 'none'}")
        file.seek(0)
        file.write(_header(n_crops, view.shape))
    return pd.DataFrame(rows, columns=SAMPLE_COLUMNS), skipped


def plain_load(reader: Reader, view: View) -> Load:
    """Return the function that makes the crops of a sample as reader and view define them, by PIL."""

    def load(position: int) -> Loaded:
        image = reader.image(position)
        return geometry.crops(view, image), image.size[::-1]

    return load


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
