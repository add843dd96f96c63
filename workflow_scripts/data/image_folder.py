"""A folder of images as a dataset: files directly in it, or in one sub-folder per class."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import read_rgb

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".gif")


class ImageFolder:
    """Images in the order of their sorted paths; the sorted names of the sub-folders that hold images are the classes."""

    def __init__(self, path: Path) -> None:
        """List the images under `path`.

        Raises:
            AtlasError: `path` is not a folder or holds no image.
        """
        if not path.is_dir():
            raise AtlasError(f"{path}: expected a folder of images; check the dataset's path")
        self.path = path
        # By folder, then by name: no name holds a zero, and none is before it.
        self.files = sorted(_images(path), key=lambda file: file.replace("/", "\0"))
        if not self.files:
            raise AtlasError(f"{path}: no image in this folder (looked for {', '.join(sorted(SUFFIXES))})")
        self.classes = sorted({file.partition("/")[0] for file in self.files if "/" in file})
        self._labels = {name: label for label, name in enumerate(self.classes)}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def id(self, position: int) -> str:
        """Return the image's path below the folder."""
        return self.files[position]

    def file(self, position: int) -> Path:
        """Return the file that the image is."""
        return self.path / self.files[position]

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return read_rgb(self.file(position))

    def label(self, position: int) -> int:
        """Return the index of the image's sub-folder, -1 for an image directly in the folder."""
        folder, separator, _ = self.files[position].partition("/")
        return self._labels[folder] if separator else -1


def _images(folder: Path | str, prefix: str = "") -> Iterator[str]:
    """Yield the path below the dataset of every image in `folder`, whose own path is `prefix`, and in its sub-folders."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _images(entry.path, f"{prefix}{entry.name}/")
            elif entry.name.lower().endswith(SUFFIXES) and entry.is_file():
                yield prefix + entry.name
