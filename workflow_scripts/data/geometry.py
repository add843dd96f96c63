"""Geometry: how an image becomes the model's square input, applied to image and ground truth alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError


@dataclass(frozen=True)
class Geometry:
    """Resize the short side to `resize` pixels (PIL bicubic, antialiased), then cut the central `crop` x `crop` square.

    Attributes:
        resize: length of the short side after resizing, in pixels.
        crop: side of the square that is kept, in pixels; at most `resize`.
    """

    resize: int
    crop: int

    def __post_init__(self) -> None:
        if not 0 < self.crop <= self.resize:
            raise AtlasError(f"geometry {self}: crop must be between 1 and resize, found {self.crop} and {self.resize}")

    def __str__(self) -> str:
        """Return the name used in file names, as ``resize224-crop224``."""
        return f"resize{self.resize}-crop{self.crop}"

    @classmethod
    def parse(cls, name: str) -> Geometry:
        """Return the geometry whose name is `name`."""
        match = re.fullmatch(r"resize(\d+)-crop(\d+)", name)
        if not match:
            raise AtlasError(f"geometry '{name}': expected a name like resize224-crop224")
        return cls(int(match[1]), int(match[2]))

    def image(self, image: Image.Image) -> np.ndarray:
        """Return the model input of an RGB image, [crop, crop, 3] uint8."""
        short = min(image.size)
        if short != self.resize:
            # The long side is truncated and the crop's corner rounded, as torchvision's Resize and CenterCrop do.
            size = tuple(side * self.resize // short for side in image.size)
            image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = (round((side - self.crop) / 2) for side in image.size)
        return np.asarray(image.crop((left, top, left + self.crop, top + self.crop)))

    def soft_mask(self, mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
        """Return an object mask on the patch grid, [R, C] float32 with sum 1, or all zero if nothing of it is left.

        The mask is cut to the square that the model sees, at full resolution, and resized as an 8-bit image
        (PIL bicubic, antialiased), as in Walmer et al. section 3.4 and its public code.

        Args:
            mask: [H, W] bool, at the resolution of the original image.
            grid: (R, C) of the patch grid.
        """
        height, width = mask.shape
        side = max(1, round(min(height, width) * self.crop / self.resize))
        top, left = (height - side) // 2, (width - side) // 2
        square = mask[top : top + side, left : left + side].astype(np.uint8) * 255
        small = Image.fromarray(square).resize((grid[1], grid[0]), Image.Resampling.BICUBIC)
        values = np.asarray(small, dtype=np.float32)
        total = values.sum()
        return values / total if total else values
