"""Geometry: how an image becomes the model's square inputs, applied to image and ground truth alike.

Four kinds, each a value object with a name for file names: `CentreCrop` (resize256-crop224), `Tiles`
(short448-tile224-patch16), `Letterbox` (letterbox224) and `Squash` (squash224). All give crops of one side length; what they
say about the patch grid and about ground truth on it belongs together, so image and ground truth always agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError

Size = tuple[int, int]


class Geometry(Protocol):
    """What every geometry can do. Sizes are (height, width) in pixels, grids (rows, columns) in patches.

    Attributes:
        side: side of the square crops in pixels.
    """

    side: int

    def crops(self, image: Image.Image) -> np.ndarray:
        """Return the model inputs of an RGB image, [n, side, side, 3] uint8; n is 1 except for tiles."""

    def seen_size(self, size: Size) -> Size:
        """Return the size that an image of `size` has after resizing and cropping, before it is cut into tiles."""

    def grid_mask(self, mask: np.ndarray, grid: Size) -> np.ndarray:
        """Return an object mask [H, W] bool on the patch grid of the seen image, [R, C] uint8 (255 is fully covered)."""

    def grid_labels(self, labels: np.ndarray, grid: Size) -> np.ndarray:
        """Return an index map [H, W] uint8 on the patch grid of the seen image, [R, C] uint8, by nearest neighbour."""

    def points(self, xy: np.ndarray, size: Size) -> np.ndarray:
        """Return points [K, 2] (x, y) of an image of `size` in pixels of the seen image."""

    def scale(self, size: Size) -> float:
        """Return how many pixels of the seen image a pixel of an image of `size` becomes."""


@dataclass(frozen=True)
class CentreCrop:
    """Resize the short side to `resize` pixels (PIL bicubic, antialiased), then cut the central `crop` x `crop` square.

    Attributes:
        resize: length of the short side after resizing, in pixels.
        crop: side of the square that is kept, in pixels; at most `resize`.
        fit: if not 0, images larger than a square of this side are first shrunk to fit into it (PIL thumbnail). Not
            sensible in itself: the retrieval of Walmer et al. was done so, and is compared so.
    """

    resize: int
    crop: int
    fit: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= self.resize:
            raise AtlasError(f"geometry {self}: crop must be between 1 and resize, found {self.crop} and {self.resize}")

    def __str__(self) -> str:
        """Return the name used in file names, as ``resize224-crop224``."""
        return (f"fit{self.fit}-" if self.fit else "") + f"resize{self.resize}-crop{self.crop}"

    @property
    def side(self) -> int:
        """Side of the crop in pixels."""
        return self.crop

    def crops(self, image: Image.Image) -> np.ndarray:
        """Return the model input of an RGB image, [1, crop, crop, 3] uint8."""
        if self.fit:
            image = image.copy()
            image.thumbnail((self.fit, self.fit), Image.Resampling.LANCZOS)
        height, width = self.resized(image.size[::-1])
        if image.size != (width, height):
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        return self.cut(np.asarray(image))

    def resized(self, size: Size) -> Size:
        """Return the size before cropping; the long side is truncated, as torchvision's Resize does."""
        height, width = (side * self.resize // min(size) for side in size)
        return height, width

    def cut(self, pixels: np.ndarray) -> np.ndarray:
        """Return the central square [1, crop, crop, 3] of a resized image; the corner is rounded, as in CenterCrop."""
        top, left = self._corner(pixels.shape[:2])
        return pixels[None, top : top + self.crop, left : left + self.crop]

    def seen_size(self, size: Size) -> Size:
        """Return (crop, crop)."""
        return self.crop, self.crop

    def grid_mask(self, mask: np.ndarray, grid: Size) -> np.ndarray:
        """Return the part of a mask that the model sees on the patch grid, [R, C] uint8.

        The mask is cut to the square at full resolution and resized as an 8-bit image (PIL bicubic, antialiased), as in
        Walmer et al. section 3.4 and its public code.
        """
        return _shrink(self._square(mask), grid)

    def grid_labels(self, labels: np.ndarray, grid: Size) -> np.ndarray:
        """Return the part of an index map that the model sees on the patch grid, [R, C] uint8, by nearest neighbour."""
        return _nearest(self._square(labels), grid)

    def points(self, xy: np.ndarray, size: Size) -> np.ndarray:
        """Return points in pixels of the crop; points outside it have coordinates outside [0, crop)."""
        top, left = self._corner(self.resized(size))
        return (xy * self.scale(size) - (left, top)).astype(np.float32)

    def scale(self, size: Size) -> float:
        """Return resize / short side."""
        return self.resize / min(size)

    def _corner(self, size: Size) -> Size:
        top, left = (round((side - self.crop) / 2) for side in size)
        return top, left

    def _square(self, values: np.ndarray) -> np.ndarray:
        height, width = values.shape
        side = max(1, round(min(height, width) * self.crop / self.resize))
        top, left = (height - side) // 2, (width - side) // 2
        return values[top : top + side, left : left + side]


@dataclass(frozen=True)
class Tiles:
    """Resize the whole image and cut it into square tiles: dense features without a network for larger inputs.

    The short side becomes `short` pixels, the long side the multiple of `patch` just below its share (Walmer et al.,
    section 7.3: short 448, tile 224). Tiles lie side by side from the top left; the last of a row or column is shifted
    back to the border, and of the cells that two tiles cover the earlier tile's are kept.

    Attributes:
        short: length of the short side after resizing, in pixels, a multiple of `patch` and at least `tile`.
        tile: side of a tile in pixels, a multiple of `patch`.
        patch: the model's patch size in pixels, on which the long side depends.
    """

    short: int
    tile: int
    patch: int

    def __post_init__(self) -> None:
        if self.tile % self.patch or self.short % self.patch or self.short < self.tile:
            raise AtlasError(
                f"geometry {self}: tile and short must be multiples of patch, and short at least tile; choose other sides"
            )

    def __str__(self) -> str:
        """Return the name used in file names, as ``short448-tile224-patch16``."""
        return f"short{self.short}-tile{self.tile}-patch{self.patch}"

    @property
    def side(self) -> int:
        """Side of a tile in pixels."""
        return self.tile

    def crops(self, image: Image.Image) -> np.ndarray:
        """Return the tiles of an RGB image, row by row, [n, tile, tile, 3] uint8."""
        height, width = self.seen_size(image.size[::-1])
        pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        return np.stack([pixels[y : y + self.tile, x : x + self.tile] for y, x in tile_corners((height, width), self.tile)])

    def seen_size(self, size: Size) -> Size:
        """Return the size after resizing; in whole numbers, so that no patch is lost to rounding."""
        short = min(size)
        height, width = (side * self.short // (short * self.patch) * self.patch for side in size)
        return height, width

    def grid_mask(self, mask: np.ndarray, grid: Size) -> np.ndarray:
        """Return a mask on the patch grid of the whole image, [R, C] uint8 (PIL bicubic, antialiased)."""
        return _shrink(mask, grid)

    def grid_labels(self, labels: np.ndarray, grid: Size) -> np.ndarray:
        """Return an index map on the patch grid of the whole image, [R, C] uint8, by nearest neighbour."""
        return _nearest(labels, grid)

    def points(self, xy: np.ndarray, size: Size) -> np.ndarray:
        """Return points in pixels of the resized image."""
        height, width = self.seen_size(size)
        return (xy * (width / size[1], height / size[0])).astype(np.float32)

    def scale(self, size: Size) -> float:
        """Return short / short side."""
        return self.short / min(size)


@dataclass(frozen=True)
class Letterbox:
    """Scale the long side to `side` pixels (PIL Lanczos) and centre the image on a black square.

    The key-point protocol of SPair-71k in Walmer et al. (section 5.2, after Amir et al. 2021).

    Attributes:
        side: side of the square in pixels.
    """

    side: int

    def __str__(self) -> str:
        """Return the name used in file names, as ``letterbox224``."""
        return f"letterbox{self.side}"

    def crops(self, image: Image.Image) -> np.ndarray:
        """Return the letterboxed image, [1, side, side, 3] uint8."""
        height, width = self._inner(image.size[::-1])
        top, left = self._corner((height, width))
        square = np.zeros((self.side, self.side, 3), np.uint8)
        small = image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)
        square[top : top + height, left : left + width] = np.asarray(small)
        return square[None]

    def seen_size(self, size: Size) -> Size:
        """Return (side, side)."""
        return self.side, self.side

    def grid_mask(self, mask: np.ndarray, grid: Size) -> np.ndarray:
        """Return a mask on the patch grid of the square, [R, C] uint8 (PIL bicubic, antialiased)."""
        return _shrink(self._boxed(mask), grid)

    def grid_labels(self, labels: np.ndarray, grid: Size) -> np.ndarray:
        """Return an index map on the patch grid of the square, [R, C] uint8, by nearest neighbour; 0 beside the image."""
        return _nearest(self._boxed(labels), grid)

    def points(self, xy: np.ndarray, size: Size) -> np.ndarray:
        """Return points in pixels of the square."""
        top, left = self._corner(self._inner(size))
        return (xy * self.scale(size) + (left, top)).astype(np.float32)

    def scale(self, size: Size) -> float:
        """Return side / long side."""
        return self.side / max(size)

    def _inner(self, size: Size) -> Size:
        height, width = (max(1, round(side * self.side / max(size))) for side in size)
        return height, width

    def _corner(self, inner: Size) -> Size:
        return (self.side - inner[0]) // 2, (self.side - inner[1]) // 2

    def _boxed(self, values: np.ndarray) -> np.ndarray:
        """Return `values` in a square of the same scale, so that the square shrinks onto the grid as the image does."""
        height, width = values.shape
        side = max(height, width)
        boxed = np.zeros((side, side), values.dtype)
        top, left = (side - height) // 2, (side - width) // 2
        boxed[top : top + height, left : left + width] = values
        return boxed


@dataclass(frozen=True)
class Squash:
    """Resize the whole image to a square, whatever its proportions (PIL bicubic, antialiased).

    The normal feature extraction of the video task in Walmer et al. (section 7.3): one input of the model's size a frame.

    Attributes:
        side: side of the square in pixels.
    """

    side: int

    def __str__(self) -> str:
        """Return the name used in file names, as ``squash224``."""
        return f"squash{self.side}"

    def crops(self, image: Image.Image) -> np.ndarray:
        """Return the squashed image, [1, side, side, 3] uint8."""
        return np.asarray(image.resize((self.side, self.side), Image.Resampling.BICUBIC))[None]

    def seen_size(self, size: Size) -> Size:
        """Return (side, side)."""
        return self.side, self.side

    def grid_mask(self, mask: np.ndarray, grid: Size) -> np.ndarray:
        """Return a mask on the patch grid, [R, C] uint8 (PIL bicubic, antialiased)."""
        return _shrink(mask, grid)

    def grid_labels(self, labels: np.ndarray, grid: Size) -> np.ndarray:
        """Return an index map on the patch grid, [R, C] uint8, by nearest neighbour."""
        return _nearest(labels, grid)

    def points(self, xy: np.ndarray, size: Size) -> np.ndarray:
        """Return points in pixels of the square."""
        return (xy * (self.side / size[1], self.side / size[0])).astype(np.float32)

    def scale(self, size: Size) -> float:
        """Return the geometric mean of the scales of both axes."""
        return self.side / (size[0] * size[1]) ** 0.5


def parse_geometry(name: str) -> CentreCrop | Tiles | Letterbox | Squash:
    """Return the geometry whose name is `name`.

    Raises:
        AtlasError: no geometry has such a name.
    """
    if match := re.fullmatch(r"(?:fit(\d+)-)?resize(\d+)-crop(\d+)", name):
        return CentreCrop(int(match[2]), int(match[3]), int(match[1] or 0))
    if match := re.fullmatch(r"short(\d+)-tile(\d+)-patch(\d+)", name):
        return Tiles(*(int(number) for number in match.groups()))
    if match := re.fullmatch(r"letterbox(\d+)", name):
        return Letterbox(int(match[1]))
    if match := re.fullmatch(r"squash(\d+)", name):
        return Squash(int(match[1]))
    raise AtlasError(f"geometry '{name}': expected a name like resize224-crop224, short448-tile224-patch16 or letterbox224")


def tile_corners(size: Size, tile: int) -> list[Size]:
    """Return the top left corners (y, x) of the tiles of a plane of `size`, row by row, in the unit of `tile`."""
    starts = [[min(i * tile, side - tile) for i in range(-(-side // tile))] for side in size]
    return [(y, x) for y in starts[0] for x in starts[1]]


def _shrink(mask: np.ndarray, grid: Size) -> np.ndarray:
    pixels = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(pixels.resize((grid[1], grid[0]), Image.Resampling.BICUBIC))


def _nearest(labels: np.ndarray, grid: Size) -> np.ndarray:
    return np.asarray(Image.fromarray(labels).resize((grid[1], grid[0]), Image.Resampling.NEAREST))
