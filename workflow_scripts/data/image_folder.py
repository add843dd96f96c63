"""A folder of images as a dataset: files directly in it, or in one sub-folder per class."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.images import read_rgb

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".gif"}


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
        self.files = sorted(f.relative_to(path) for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
        if not self.files:
            raise AtlasError(f"{path}: no image in this folder (looked for {', '.join(sorted(SUFFIXES))})")
        self.classes = sorted({f.parts[0] for f in self.files if len(f.parts) > 1})

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.files)

    def id(self, position: int) -> str:
        """Return the image's path below the folder."""
        return self.files[position].as_posix()

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return read_rgb(self.path / self.files[position])

    def label(self, position: int) -> int:
        """Return the index of the image's sub-folder, -1 for an image directly in the folder."""
        parts = self.files[position].parts
        return self.classes.index(parts[0]) if len(parts) > 1 else -1
