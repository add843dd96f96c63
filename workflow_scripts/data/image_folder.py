"""A folder of images as a dataset: files directly in it, or in one sub-folder per class."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.folders import Folders, printable
from workflow_scripts.data.images import read_rgb, upright

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".gif")


class ImageFolder:
    """Images in the order of their sorted paths; the sorted names of the sub-folders that hold images are the classes.

    Links to folders and files are followed. Images are turned upright, as their EXIF orientation says: they are one's own
    pictures, and no benchmark's.

    Attributes:
        files: path of every image below the folder.
        left_over: what the folder holds that is not read, in words; empty if nothing.
        upright: True.
    """

    upright = True

    def __init__(self, path: Path) -> None:
        """List the images under `path`.

        Raises:
            AtlasError: `path` is not a folder or holds no image.
        """
        if not path.is_dir():
            raise AtlasError(f"{path}: expected a folder of images; check the dataset's path")
        self.path = path
        folders = Folders()
        # By folder, then by name: no name holds a zero, and none is before it.
        self.files = sorted(folders.below(path, SUFFIXES), key=lambda file: file.replace("/", "\0"))
        self.left_over = folders.left_over()
        if not self.files:
            found = f", found {self.left_over}" if self.left_over else ""
            raise AtlasError(f"{path}: no image in this folder (looked for {', '.join(sorted(SUFFIXES))}{found})")
        names = sorted({file.partition("/")[0] for file in self.files if "/" in file})
        self.classes = [printable(name) for name in names]
        self._labels = {name: label for label, name in enumerate(names)}

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def id(self, position: int) -> str:
        """Return the image's path below the folder, in printable text."""
        return printable(self.files[position])

    def file(self, position: int) -> Path:
        """Return the file that the image is."""
        return self.path / self.files[position]

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB, upright."""
        return upright(read_rgb(self.file(position)))

    def label(self, position: int) -> int:
        """Return the index of the image's sub-folder, -1 for an image directly in the folder."""
        folder, separator, _ = self.files[position].partition("/")
        return self._labels[folder] if separator else -1
