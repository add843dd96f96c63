"""The reader contract, and the readers by name: a dataset's files in their official layout -> samples."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError, nearest


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

    def object_masks(self, position: int) -> list[np.ndarray]:
        """Return the [H, W] bool masks of all objects at the image's resolution; empty if there are none."""


def open_reader(reader: str, path: str | Path) -> Reader:
    """Return the reader named `reader` over the files at `path`.

    Raises:
        AtlasError: no reader has that name, or the files are not in its layout.
    """
    # Imported here, not above, because the readers build on this module.
    from workflow_scripts.data.demo_world import DemoWorld
    from workflow_scripts.data.image_folder import ImageFolder

    readers = {"demo_world": DemoWorld, "image_folder": ImageFolder}
    if reader not in readers:
        raise AtlasError(f"reader '{reader}' is not known (known: {', '.join(readers)}){nearest(reader, readers)}")
    return readers[reader](Path(path))
