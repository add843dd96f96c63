"""Revisited Oxford 5k and Paris 6k (Radenovic et al. 2018).

Layout: ``gnd_<name>.pkl`` and ``jpg/``, in which images may lie in folders (the Paris archives have one per landmark).
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, printable
from workflow_scripts.data.images import BadImageError, open_image, read_rgb
from workflow_scripts.data.reader import Judgement
from workflow_scripts.data.readers.numbers import near, whole
from workflow_scripts.data.readers.restricted_pickle import load_plain_pickle

SUFFIXES = (".jpg",)
_END_OF_IMAGE = b"\xff\xd9"


class Revisited:
    """Database images in the order of the ground truth, then the queries in theirs.

    Only images that the ground truth names are samples: it names none of the broken files of the Paris archives. A JPEG
    that ends early is read as far as it goes, the rest grey, as the benchmark's code does.

    The benchmark crops queries to their boxes; Walmer et al. 2023 and DINO's script do not: `crop_queries`.
    """

    def __init__(self, path: Path, crop_queries: bool = True) -> None:
        """Read the ground truth below `path`.

        Args:
            path: folder of the layout above.
            crop_queries: whether the image of a query is what its box shows.

        Raises:
            AtlasError: the ground truth is missing, refers to more than plain data, or names missing images.
        """
        folders = Folders()
        candidates = folders.files(path, (".pkl",))
        folders.folders(path, {"jpg"}.__contains__)
        if len(candidates) != 1:
            raise bad_data(f"{path}: expected one ground truth file gnd_*.pkl, found {', '.join(candidates) or 'none'}")
        self.path = path / "jpg"
        self.classes: list[str] = []
        self._truth = path / candidates[0]
        content = load_plain_pickle(self._truth, "the ground truth")
        try:
            database, queries = (_names(content[key]) for key in ("imlist", "qimlist"))
            self._judgements = [
                Judgement(len(database) + i, *(_positions(query[key], len(database)) for key in ("easy", "hard", "junk")))
                for i, query in enumerate(content["gnd"])
            ]
            boxes = [tuple(near(_flat(query["bbx"]), "a side of a query's box")) for query in content["gnd"]]
        except KeyError as error:
            raise bad_data(f"{self._truth}: not a ground truth of the benchmark (no key {error})") from None
        except ValueError as error:
            raise bad_data(f"{self._truth}: not a ground truth of the benchmark ({error})") from None
        except (TypeError, IndexError):  # Python's words for a list in place of a mapping, or the other way round
            raise bad_data(
                f"{self._truth}: not a ground truth of the benchmark (expected imlist, qimlist and a list gnd)"
            ) from None
        if len(boxes) != len(queries) or any(len(box) != 4 for box in boxes):
            raise bad_data(f"{self._truth}: {len(queries)} queries but {len(boxes)} judgements with boxes")
        self._first_query, self._boxes = len(database), boxes if crop_queries else None
        there = folders.by_name(self.path, SUFFIXES)
        self.left_over = folders.left_over()
        self.names = [*database, *queries]
        if lost := [name for name in self.names if f"{name}.jpg" not in there]:
            raise bad_data(f"{self.path}: no {lost[0]}.jpg, nor {len(lost) - 1} more images that {candidates[0]} names")
        self._files = [there[f"{name}.jpg"] for name in self.names]

    def __len__(self) -> int:
        """Return the number of database images and queries."""
        return len(self.names)

    def id(self, position: int) -> str:
        """Return the image's name, as the ground truth has it, in printable text."""
        return printable(self.names[position])

    def image(self, position: int) -> Image.Image:
        """Return the image, or what the query's box shows of it, as 8-bit RGB."""
        image = _read(self.path / self._files[position])
        if self._boxes is None or position < self._first_query:
            return image
        box = tuple(round(side) for side in self._boxes[position - self._first_query])
        try:
            near(box, "a side of its box", image.size)
            if box[0] >= box[2] or box[1] >= box[3]:
                raise ValueError(f"an empty box {box}")
            return image.crop(box)
        except ValueError as error:
            raise bad_data(f"{self._truth}: query {self.id(position)}: {error}") from None

    def label(self, position: int) -> int:
        """Return -1: there are no image classes."""
        return -1

    def database(self) -> list[int]:
        """Return the positions of the database images."""
        return list(range(self._first_query))

    def judgements(self) -> list[Judgement]:
        """Return the queries."""
        return self._judgements


def _flat(values: Any) -> list[Any]:
    """Return the elements of an array or of a list that holds no other."""
    return values.ravel().tolist() if isinstance(values, np.ndarray) else [*values]


def _names(values: Any) -> list[str]:
    found = _flat(values)
    if not all(isinstance(name, str) for name in found):
        raise ValueError("an image's name that is no text")
    return found


def _positions(indices: Any, size: int) -> tuple[int, ...]:
    return tuple(whole(index, "the place of a database image", 0, size - 1) for index in _flat(indices))


def _read(path: Path) -> Image.Image:
    try:
        return read_rgb(path)
    except BadImageError:
        if not path.is_file():
            raise
        content = path.read_bytes()
        if not content.startswith(b"\xff\xd8"):
            raise
        # With an end put to it the decoder fills what is missing, instead of asking for more.
        with suppress(BadImageError), open_image(path, ("JPEG",), content + _END_OF_IMAGE) as image:
            return image.convert("RGB")
        raise
