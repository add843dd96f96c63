"""What the readers share: small files read with a message, packaged lists, image files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.data.bad_data import bad_data, no_file
from workflow_scripts.data.folders import printable
from workflow_scripts.data.images import BadImageError, open_image, read_rgb

LISTS = Path(__file__).resolve().parents[1] / "lists"


class ImageFiles:
    """Samples that are image files below one folder.

    Attributes:
        root: the folder.
        files: path of every image below it.
        classes: names of the image classes; empty if there are none.
        left_over: what the folders that were listed hold and nobody read, in words; empty if nothing.
    """

    def __init__(
        self,
        root: Path,
        files: list[str],
        classes: list[str] | None = None,
        labels: Sequence[int] = (),
        left_over: str = "",
    ) -> None:
        """Take the images `files` below `root` with their labels."""
        self.root, self.files, self.left_over = root, files, left_over
        self.classes = classes or []
        self._labels = labels

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def id(self, position: int) -> str:
        """Return the image's path below the root, in printable text."""
        return printable(self.files[position])

    def file(self, position: int) -> Path | None:
        """Return the file that the image is, None where it is a part of one."""
        return self.root / self.files[position]

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return read_rgb(self.root / self.files[position])

    def label(self, position: int) -> int:
        """Return the index of the image's class, -1 in a dataset without classes."""
        return int(self._labels[position]) if len(self._labels) else -1


def read_lines(path: Path, what: str) -> list[str]:
    """Return the lines of a text file that are neither empty nor comments (#).

    Raises:
        AtlasError: there is no such file, or it is no text; the message says that it should be `what`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise no_file(path, what) from None
    except UnicodeDecodeError:
        raise bad_data(f"{path}: not a text file in UTF-8, expected {what}") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def read_rows(path: Path, what: str) -> list[list[str]]:
    """Return the rows of a file of values between commas, without comments (#).

    Raises:
        AtlasError: there is no such file, or it is not of this kind; the message says that it should be `what`.
    """
    try:
        return list(csv.reader(read_lines(path, what)))
    except csv.Error as error:
        raise bad_data(f"{path}: no values between commas ({error}), expected {what}") from None


def read_json(path: Path, what: str, keep: Callable[[dict], dict] | None = None) -> Any:
    """Return the content of a JSON file; `keep` may thin out every mapping as it is read.

    Raises:
        AtlasError: the file is missing or is not JSON; the message says that it should be `what`.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            return json.load(file, object_hook=keep)
    except (FileNotFoundError, NotADirectoryError):
        raise no_file(path, what) from None
    except ValueError as error:
        raise bad_data(f"{path}: not JSON ({error}), expected {what}") from None
    except RecursionError:
        raise bad_data(f"{path}: its JSON is nested deeper than Python reads, expected {what}") from None


def read_index_map(path: Path) -> np.ndarray:
    """Return the pixel values of a PNG with one 8-bit channel, [H, W] uint8: palette indices, or grey levels as they are.

    Raises:
        BadImageError: the file cannot be read or has several channels or more bits.
    """
    with open_image(path, ("PNG",)) as image:
        image.load()
        if image.mode not in ("P", "L"):
            raise BadImageError(f"{path}: expected a label map with one 8-bit channel, found {image.mode}; replace it")
        return np.array(image)


def packaged_lines(name: str) -> list[str]:
    """Return the lines of the list `name` that comes with the project, without comments."""
    return read_lines(LISTS / name, "a list of this project")


def packaged_rows(name: str) -> list[dict[str, str]]:
    """Return the rows of the table `name` that comes with the project, column -> text."""
    return list(csv.DictReader(packaged_lines(name)))
