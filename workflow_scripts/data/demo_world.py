"""The demo world's splits as a dataset: one safetensors file per split, written by the world painter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError


class DemoWorld:
    """Painted scenes with full ground truth. Attribute `classes`: names of the object classes."""

    def __init__(self, path: Path) -> None:
        """Open the split at `path`.

        Raises:
            AtlasError: the file is not a split of the demo world.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                self.images = file.get_tensor("image")
                self.labels = file.get_tensor("label")
                self.objects = file.get_tensor("object")
                self.classes = json.loads(file.metadata()["classes"])
        except (SafetensorError, KeyError, FileNotFoundError) as error:
            raise AtlasError(f"{path}: not a split of the demo world ({error}); delete it and run again") from None
        self.name = path.stem

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def id(self, position: int) -> str:
        """Return the split's name and the position."""
        return f"{self.name}/{position:05d}"

    def image(self, position: int) -> Image.Image:
        """Return the image as 8-bit RGB."""
        return Image.fromarray(self.images[position])

    def label(self, position: int) -> int:
        """Return the class of the image's main object."""
        return int(self.labels[position])

    def object_masks(self, position: int) -> list[np.ndarray]:
        """Return one mask of visible pixels per object."""
        objects = self.objects[position]
        return [objects == i for i in range(1, int(objects.max()) + 1) if (objects == i).any()]
