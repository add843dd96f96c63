"""The pixels of a view: how an image becomes a model's inputs, applied to image and ground truth alike (see `data.views`).

A view is one or two steps, its alteration and its geometry. Every step says what it does to an image, to a map and to
points, in one entry of `_STEPS`; crops, masks, labels and keypoints go through the same steps, and so always agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data import altering
from workflow_scripts.data.alterations import Band, Blur, Move, Noise, Rotation, Scale, Shift, noise_seed
from workflow_scripts.data.nearest_rows import nearest_rows
from workflow_scripts.data.views import Area, CentreCrop, Cut, Letterbox, Padded, Size, Squash, Tiles, View, tile_corners


def crops(view: View, image: Image.Image, index: int = 0) -> np.ndarray:
    """Return the model inputs of an RGB image, [n, rows, columns, 3] uint8; n is 1 except for tiles, which go row by row.

    Args:
        view: how the image becomes crops.
        image: 8-bit RGB.
        index: position of the image in its dataset, from 0, by which noise is seeded: the same in whatever batch or part of it.
    """
    for step in _steps(view):
        image = _STEPS[type(step)].image(step, image, index)
    pixels, (rows, columns) = np.asarray(image), view.shape
    return np.stack([pixels[y : y + rows, x : x + columns] for y, x in tile_corners(pixels.shape[:2], view.shape)])


def grid_mask(view: View, mask: np.ndarray, grid: Size) -> np.ndarray:
    """Return an object mask [H, W] bool on the patch grid of the seen image, [R, C] uint8 (255 is fully covered).

    What is seen of it is taken at full resolution and resized as an 8-bit image (PIL bicubic, antialiased), as in Walmer et
    al. section 3.4 and its public code.
    """
    return _resized(_seen_map(view, mask).astype(np.uint8) * 255, grid, Image.Resampling.BICUBIC)


def grid_labels(view: View, labels: np.ndarray, grid: Size) -> np.ndarray:
    """Return an index map [H, W] uint8 on the patch grid of the seen image, [R, C] uint8, by nearest neighbour.

    Where a letterbox or a moved image shows nothing the index is 0.
    """
    return _resized(_seen_map(view, labels), grid, Image.Resampling.NEAREST)


def nearest_labels(view: View, labels: np.ndarray, grid: Size) -> np.ndarray:
    """Return an index map [H, W] of any integers on the patch grid of the seen image, [R, C], by nearest neighbour.

    Cell i of g takes the map's row or column floor((i + 0.5) S / g) of the S that are seen, in whole numbers: the reduction of
    Zhou et al., "Interpretable Basis Decomposition" (ECCV 2018). Where a letterbox or a moved image shows nothing the
    index is 0.
    """
    seen = _seen_map(view, labels)
    rows, columns = (nearest_rows(cells, side) for cells, side in zip(grid, seen.shape, strict=True))
    return seen[np.ix_(rows, columns)]


def tile_labels(view: View, labels: np.ndarray) -> np.ndarray:
    """Return the label maps [n, h, w] of the crops of an image with labels [H, W], at the image's own resolution; -1 void.

    The pixels are those that `crops` shows, before they are resized to what the model sees; what a crop shows beyond the
    image is void.
    """
    seen = _seen_map(view, labels + 1) - 1  # 0 is what steps fill with
    if not isinstance(view.geometry, Cut):
        return seen[None]
    side = view.geometry.tile
    tiles = seen.reshape(seen.shape[0] // side, side, seen.shape[1] // side, side)
    return tiles.transpose(0, 2, 1, 3).reshape(-1, side, side)


def points(view: View, xy: np.ndarray, size: Size) -> np.ndarray:
    """Return points [K, 2] (x, y) of an image of `size` in pixels of the seen image, float32.

    Points that are not seen have coordinates outside it.
    """
    for step in _steps(view):
        xy = _STEPS[type(step)].points(step, xy, size)
    return xy.astype(np.float32)


def _steps(view: View) -> list[Any]:
    return [step for step in (view.alteration, view.geometry) if step]


def _seen_map(view: View, values: np.ndarray) -> np.ndarray:
    for step in _steps(view):
        values = _STEPS[type(step)].map(step, values)
    return values


def _resized(values: np.ndarray, grid: Size, resampling: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(values).resize((grid[1], grid[0]), resampling))


def _crop_image(geometry: CentreCrop, image: Image.Image, index: int) -> Image.Image:
    if geometry.fit:
        image = image.copy()
        image.thumbnail((geometry.fit, geometry.fit), Image.Resampling.LANCZOS)
    height, width = geometry.resized(image.size[::-1])
    top, left = geometry.corner((height, width))
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    return image.crop((left, top, left + geometry.crop, top + geometry.crop))


def _crop_map(geometry: CentreCrop, values: np.ndarray) -> np.ndarray:
    height, width = values.shape
    side = max(1, round(min(height, width) * geometry.crop / geometry.resize))
    top, left = (height - side) // 2, (width - side) // 2
    return values[top : top + side, left : left + side]


def _crop_points(geometry: CentreCrop, xy: np.ndarray, size: Size) -> np.ndarray:
    top, left = geometry.corner(geometry.resized(size))
    return xy * geometry.scale(size) - (left, top)


def _box_image(geometry: Letterbox, image: Image.Image, index: int) -> Image.Image:
    height, width = geometry.resized(image.size[::-1])
    top, left = geometry.corner((height, width))
    square = Image.new("RGB", (geometry.side, geometry.side))
    square.paste(image.resize((width, height), Image.Resampling.LANCZOS), (left, top))
    return square


def _box_map(geometry: Letterbox, values: np.ndarray) -> np.ndarray:
    """Return `values` in a square of the same scale, so that the square shrinks onto the grid as the image does."""
    height, width = values.shape
    side = max(height, width)
    boxed = np.zeros((side, side), values.dtype)
    top, left = (side - height) // 2, (side - width) // 2
    boxed[top : top + height, left : left + width] = values
    return boxed


def _box_points(geometry: Letterbox, xy: np.ndarray, size: Size) -> np.ndarray:
    top, left = geometry.corner(geometry.resized(size))
    return xy * geometry.scale(size) + (left, top)


def _stretch_image(geometry: Tiles | Squash, image: Image.Image, index: int) -> Image.Image:
    height, width = geometry.seen_size(image.size[::-1])
    return image.resize((width, height), Image.Resampling.BICUBIC)


def _area_image(geometry: Area, image: Image.Image, index: int) -> Image.Image:
    return image.resize((geometry.side, geometry.side), Image.Resampling.BOX)


def _stretch_points(geometry: Tiles | Squash | Area, xy: np.ndarray, size: Size) -> np.ndarray:
    height, width = geometry.seen_size(size)
    return xy * (width / size[1], height / size[0])


def _cut_image(cut: Cut, image: Image.Image, index: int) -> Image.Image:
    """Return the tiles, each resized alone, side by side as they lie in the image."""
    if cut.rows:
        image = image.resize((cut.columns, cut.rows), Image.Resampling.BICUBIC)
    rows, columns = cut.tiles(image.size[::-1])
    whole = Image.new("RGB", (columns * cut.side, rows * cut.side))
    for row in range(rows):
        for column in range(columns):
            left, top = column * cut.tile, row * cut.tile
            tile = image.crop((left, top, left + cut.tile, top + cut.tile))  # black beyond the image
            whole.paste(tile.resize((cut.side, cut.side), Image.Resampling.BICUBIC), (column * cut.side, row * cut.side))
    return whole


def _cut_map(cut: Cut, values: np.ndarray) -> np.ndarray:
    if cut.rows:
        values = values[nearest_rows(cut.rows, values.shape[0])[:, None], nearest_rows(cut.columns, values.shape[1])]
    rows, columns = cut.tiles(values.shape)
    return np.pad(values, ((0, rows * cut.tile - values.shape[0]), (0, columns * cut.tile - values.shape[1])))


def _cut_points(cut: Cut, xy: np.ndarray, size: Size) -> np.ndarray:
    first = (cut.columns / size[1], cut.rows / size[0]) if cut.rows else (1, 1)
    return xy * first * (cut.side / cut.tile)


def _pad_image(padded: Padded, image: Image.Image, index: int) -> Image.Image:
    if padded.scaled:
        height, width = padded.resized(image.size[::-1])
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    elif max(image.size) > padded.longest:
        raise AtlasError(
            f"view '{padded}': image {index + 1} of the dataset has {image.width} x {image.height} px; "
            f"choose padded{max(image.size)} or larger"
        )
    return image.crop((0, 0, padded.shape[1], padded.shape[0]))  # black beyond the image


def _pad_map(padded: Padded, values: np.ndarray) -> np.ndarray:
    """Return `values` with as much added, at their own resolution, as the image has added."""
    seen, resized = padded.seen_size(values.shape), padded.resized(values.shape)
    added = (round(whole * side / part) - side for whole, side, part in zip(seen, values.shape, resized, strict=True))
    return np.pad(values, [(0, more) for more in added])


def _pad_points(padded: Padded, xy: np.ndarray, size: Size) -> np.ndarray:
    height, width = padded.resized(size)
    return xy * (width / size[1], height / size[0])


def _blur_image(blur: Blur, image: Image.Image, index: int) -> Image.Image:
    return Image.fromarray(altering.blurred(np.asarray(image), blur.kernel))


def _noise_image(step: Noise, image: Image.Image, index: int) -> Image.Image:
    pixels = np.asarray(image)
    noise = altering.noise(pixels.shape, step.deviation, noise_seed(step.deviation, index))
    return Image.fromarray(altering.added(pixels, noise))


def _band_image(band: Band, image: Image.Image, index: int) -> Image.Image:
    pixels = np.asarray(image)
    noise = altering.band_noise(pixels.shape, band.number, noise_seed(band.number, index))
    return Image.fromarray(altering.added(pixels, noise))


def _move_image(move: Move, image: Image.Image, index: int) -> Image.Image:
    return Image.fromarray(altering.moved_image(move, np.asarray(image)))


def _same_map(step: Any, values: np.ndarray) -> np.ndarray:
    return values


def _same_points(step: Any, xy: np.ndarray, size: Size) -> np.ndarray:
    return xy


@dataclass(frozen=True)
class _Step:
    """What a step does, given its value object first.

    Attributes:
        image: RGB image, its position in the dataset -> RGB image.
        map: [H, W] -> [H', W'], what is left of a map, still at the map's resolution; what is moved is in pixels of the map.
        points: [K, 2] (x, y) of an image of a size -> [K, 2] in pixels of what `image` returns.
    """

    image: Callable[[Any, Image.Image, int], Image.Image]
    map: Callable[[Any, np.ndarray], np.ndarray]
    points: Callable[[Any, np.ndarray, Size], np.ndarray]


_STEPS: dict[type, _Step] = {
    CentreCrop: _Step(_crop_image, _crop_map, _crop_points),
    Tiles: _Step(_stretch_image, _same_map, _stretch_points),
    Letterbox: _Step(_box_image, _box_map, _box_points),
    Squash: _Step(_stretch_image, _same_map, _stretch_points),
    Cut: _Step(_cut_image, _cut_map, _cut_points),
    Area: _Step(_area_image, _same_map, _stretch_points),
    Padded: _Step(_pad_image, _pad_map, _pad_points),
    Blur: _Step(_blur_image, _same_map, _same_points),
    Noise: _Step(_noise_image, _same_map, _same_points),
    Band: _Step(_band_image, _same_map, _same_points),
    **{move: _Step(_move_image, altering.moved_map, altering.moved_points) for move in (Shift, Rotation, Scale)},
}
