"""What the readers share: sorted listings without junk, small files read with a message, packaged lists, image files.

No order ever comes from the file system: names are sorted as plain strings, by code point.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.data.images import BadImageError, read_rgb

LISTS = Path(__file__).resolve().parents[1] / "lists"
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}


class ImageFiles:
    """Samples that are image files below one folder.

    Attributes:
        root: the folder.
        files: path of every image below it.
        classes: names of the image classes; empty if there are none.
    """

    def __init__(self, root: Path, files: list[str], classes: list[str] | None = None, labels: Sequence[int] = ()) -> None:
        """Take the images `files` below `root` with their labels."""
        self.root, self.files = root, files
        self.classes = classes or []
        self._labels = labels

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def id(self, position: int) -> str:
        """Return the image's path below the root."""
        return self.files[position]

    def file(self, position: int) -> Path | None:
        """Return the file that the image is, None where it is a part of one."""
        return self.root / self.files[position]

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return read_rgb(self.root / self.files[position])

    def label(self, position: int) -> int:
        """Return the index of the image's class, -1 in a dataset without classes."""
        return int(self._labels[position]) if len(self._labels) else -1


def is_junk(name: str) -> bool:
    """Return whether a file or folder is left by an operating system or is otherwise hidden."""
    return name.startswith(".") or name in _JUNK


def list_files(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Return the sorted names of the files in `folder` that end in one of the `suffixes` (lower case), without junk.

    Raises:
        AtlasError: there is no such folder.
    """
    with _scan(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.lower().endswith(suffixes) and not is_junk(entry.name))


def list_folders(folder: Path) -> list[str]:
    """Return the sorted names of the folders in `folder`, without junk.

    Raises:
        AtlasError: there is no such folder.
    """
    with _scan(folder) as entries:
        return sorted(entry.name for entry in entries if not is_junk(entry.name) and entry.is_dir())


def find_below(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """Return file name -> path below `folder` of all files that end in one of the `suffixes`, however deep, without junk.

    Of several files of one name the one with the shortest way to it counts, then the first by path.

    Raises:
        AtlasError: there is no such folder.
    """
    found: dict[str, str] = {}
    level = [""]
    while level:
        below = []
        for parent in level:
            for name in list_files(folder / parent, suffixes):
                found.setdefault(name, f"{parent}{name}")
            below += [f"{parent}{name}/" for name in list_folders(folder / parent)]
        level = sorted(below)
    return found


def first_of(*candidates: Path) -> Path:
    """Return the first of the candidates that exists, else the first: archives keep or lose their top folder on unpacking."""
    return next((path for path in candidates if path.exists()), candidates[0])


def choose(reader: str, option: str, value: Any, allowed: Iterable[Any]) -> None:
    """Refuse an option's value that is not among the allowed ones.

    Raises:
        AtlasError: it is not.
    """
    allowed = list(allowed)
    if value not in allowed:
        known = ", ".join("null" if choice is None else str(choice) for choice in allowed)
        raise AtlasError(f"reader '{reader}': option {option}: found {value!r}, allowed: {known}{nearest(value, allowed)}")


def at_least_one(reader: str, **options: int | None) -> None:
    """Refuse counts that are not None and not whole numbers of at least 1.

    Raises:
        AtlasError: one is.
    """
    for option, value in options.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise AtlasError(f"reader '{reader}': option {option}: found {value!r}, expected a whole number from 1, or null")


def read_lines(path: Path, what: str) -> list[str]:
    """Return the lines of a text file that are neither empty nor comments (#).

    Raises:
        AtlasError: there is no such file; the message says that it is `what`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise AtlasError(f"{path}: {what} is missing; fetch the dataset again or correct its path") from None
    except UnicodeDecodeError:
        raise AtlasError(f"{path}: {what} is not a text file; fetch the dataset again") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def read_json(path: Path, what: str, keep: Callable[[dict], dict] | None = None) -> Any:
    """Return the content of a JSON file; `keep` may thin out every mapping as it is read.

    Raises:
        AtlasError: the file is missing or is not JSON; the message says that it is `what`.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file, object_hook=keep)
    except (FileNotFoundError, NotADirectoryError):
        raise AtlasError(f"{path}: {what} is missing; fetch the dataset again or correct its path") from None
    except ValueError as error:
        raise AtlasError(f"{path}: {what} is not JSON ({error}); fetch the dataset again") from None


def read_index_map(path: Path) -> np.ndarray:
    """Return the pixel values of a PNG with one 8-bit channel, [H, W] uint8: palette indices, or grey levels as they are.

    Raises:
        BadImageError: the file cannot be read or has several channels or more bits.
    """
    try:
        with Image.open(path) as image:
            image.load()
            if image.mode not in ("P", "L"):
                raise BadImageError(f"{path}: expected a label map with one 8-bit channel, found {image.mode}; fetch it again")
            return np.array(image)
    except FileNotFoundError:
        raise BadImageError(f"{path}: the label map does not exist; fetch the dataset again") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise BadImageError(f"{path}: cannot be decoded ({' '.join(str(error).split())}); fetch it again") from None


def packaged_lines(name: str) -> list[str]:
    """Return the lines of the list `name` that comes with the project, without comments."""
    return read_lines(LISTS / name, "a list of this project")


def packaged_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of the table `name` that comes with the project, column -> text."""
    return list(csv.DictReader(packaged_lines(name)))


def _scan(folder: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise AtlasError(f"{folder}: expected a folder; fetch the dataset again or correct its path") from None
