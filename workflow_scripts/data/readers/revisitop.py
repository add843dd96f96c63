"""Revisited Oxford 5k and Paris 6k (Radenovic et al. 2018).

Layout: ``gnd_<name>.pkl`` and ``jpg/``, in which images may lie in folders (the Paris archives have one per landmark).
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import BadImageError, read_rgb
from workflow_scripts.data.reader import Judgement
from workflow_scripts.data.readers.files import find_below, list_files
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
        candidates = list_files(path, (".pkl",))
        if len(candidates) != 1:
            found = ", ".join(candidates) or "none"
            raise AtlasError(f"{path}: expected one ground truth file gnd_*.pkl, found {found}; fetch the dataset again")
        self.path = path / "jpg"
        self.classes: list[str] = []
        self._truth = path / candidates[0]
        content = load_plain_pickle(self._truth, "the ground truth")
        try:
            database, queries = ([str(name) for name in content[key]] for key in ("imlist", "qimlist"))
            self._judgements = [
                Judgement(len(database) + i, *(_positions(query[key], len(database)) for key in ("easy", "hard", "junk")))
                for i, query in enumerate(content["gnd"])
            ]
            boxes = [tuple(float(side) for side in np.ravel(query["bbx"])) for query in content["gnd"]]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise AtlasError(f"{self._truth}: not a ground truth of the benchmark ({error}); fetch it again") from None
        if len(boxes) != len(queries) or any(len(box) != 4 for box in boxes):
            raise AtlasError(f"{self._truth}: {len(queries)} queries but {len(boxes)} judgements with boxes; fetch it again")
        self._first_query, self._boxes = len(database), boxes if crop_queries else None
        there = find_below(self.path, SUFFIXES)
        self.names = [*database, *queries]
        if lost := [name for name in self.names if f"{name}.jpg" not in there]:
            raise AtlasError(
                f"{self.path}: {lost[0]}.jpg and {len(lost) - 1} more images of {candidates[0]} are missing; fetch the "
                "images again"
            )
        self._files = [there[f"{name}.jpg"] for name in self.names]

    def __len__(self) -> int:
        """Return the number of database images and queries."""
        return len(self.names)

    def id(self, position: int) -> str:
        """Return the image's name, as the ground truth has it."""
        return self.names[position]

    def image(self, position: int) -> Image.Image:
        """Return the image, or what the query's box shows of it, as 8-bit RGB."""
        image = _read(self.path / self._files[position])
        if self._boxes is None or position < self._first_query:
            return image
        return image.crop(tuple(round(side) for side in self._boxes[position - self._first_query]))

    def label(self, position: int) -> int:
        """Return -1: there are no image classes."""
        return -1

    def database(self) -> list[int]:
        """Return the positions of the database images."""
        return list(range(self._first_query))

    def judgements(self) -> list[Judgement]:
        """Return the queries."""
        return self._judgements


def _positions(indices: Any, size: int) -> tuple[int, ...]:
    found = tuple(int(index) for index in np.ravel(indices))
    if any(not 0 <= index < size for index in found):
        raise ValueError(f"an index beyond the {size} database images")
    return found


def _read(path: Path) -> Image.Image:
    try:
        return read_rgb(path)
    except BadImageError:
        if not path.is_file():
            raise
        content = path.read_bytes()
        if not content.startswith(b"\xff\xd8"):
            raise
        try:
            # With an end put to it the decoder fills what is missing, instead of asking for more.
            with Image.open(io.BytesIO(content + _END_OF_IMAGE)) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError):
            pass
        raise
