"""FAIR1M (Sun et al. 2022): rotated boxes of 37 classes in satellite images.

Layout: ``train/part1/{images/*.tif, labelXml/*.xml}``, ``train/part2/...``, ``validation/...``. Both parts number their files
from 0, so the part belongs to an image's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, printable
from workflow_scripts.data.images import read_rgb, read_size
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.annotation_xml import XmlError, as_number, inside, parse, text
from workflow_scripts.data.readers.coco_masks import polygon_mask
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows
from workflow_scripts.data.readers.subsets import in_order

_PARTS = {"train": ("train/part1", "train/part2"), "validation": ("validation",)}
_LEAST_SHARE = 1 / 3  # of a box's area, for a tile to show it
_BACKGROUND = "background"


@dataclass(frozen=True, order=True)
class _Tile:
    """A square of an image; `side` 0 is the whole image."""

    image: str
    top: int
    left: int
    side: int


class Fair1m(ImageFiles):
    """Whole images by part and name, or tiles of them.

    Tiles lie side by side from the top left, what is left over at right and bottom is dropped. A tile shows a box if a third
    of the box's area is inside. With `per_category`, tiles are taken category by category, in the order of the classes, from
    those that show it and are not taken yet; a category with fewer is taken as it is.

    `dense_labels` fills the boxes in the order of the file, later ones on top: 0 is background, then come the classes.
    """

    def __init__(
        self,
        path: Path,
        split: str = "train",
        tile: int | None = None,
        per_category: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Index the images below `path`; for tiles, read all annotations.

        Args:
            path: folder of the layout above.
            split: "train" or "validation".
            tile: side of the tiles in pixels; None: whole images.
            per_category: so many tiles of each category; None: all tiles.
            seed: of the permutation in which tiles are taken; None: by name, then from the top left.

        Raises:
            AtlasError: the files are not in this layout.
        """
        if per_category and not tile:
            raise AtlasError("reader 'fair1m': option per_category needs the option tile; give both or none")
        rows = packaged_rows("fair1m_classes.csv")
        self.box_classes = [row["name"] for row in rows]
        self.dense_classes = [_BACKGROUND, *self.box_classes]
        self._groups = ["", *(row["category"] for row in rows)]
        self._annotations: dict[str, Path] = {}
        files, folders = [], Folders()
        for part in _PARTS[split]:
            images, labels = (folders.by_name(path / part, (suffix,)) for suffix in (".tif", ".xml"))
            for name in sorted(images):
                stem = name[: -len(".tif")]
                if f"{stem}.xml" not in labels:
                    raise bad_data(f"{path / part}: no file {stem}.xml, expected the annotation of {name}")
                files.append(f"{part}/{images[name]}")
                self._annotations[files[-1]] = path / part / labels[f"{stem}.xml"]
        if not files:
            raise bad_data(f"{path}: no image (*.tif) in {', '.join(_PARTS[split])}")
        super().__init__(path, files, left_over=folders.left_over())
        self._tiles = [_Tile(file, 0, 0, 0) for file in files]
        if tile:
            self._tiles = list(self._cut(tile)) if per_category is None else self._choose(tile, per_category, seed)

    def __len__(self) -> int:
        """Return the number of images, or of tiles."""
        return len(self._tiles)

    def id(self, position: int) -> str:
        """Return the image's path below the root, in printable text, and the corner of the tile, x and y."""
        tile = self._tiles[position]
        return printable(tile.image) + (f"@{tile.left},{tile.top}" if tile.side else "")

    def file(self, position: int) -> Path | None:
        """Return the file that the image is, None for a tile."""
        tile = self._tiles[position]
        return None if tile.side else self.root / tile.image

    def image(self, position: int) -> Image.Image:
        """Return the image, or the tile, as 8-bit RGB."""
        tile = self._tiles[position]
        image = read_rgb(self.root / tile.image)
        return image.crop((tile.left, tile.top, tile.left + tile.side, tile.top + tile.side)) if tile.side else image

    def boxes(self, position: int) -> list[Box]:
        """Return the boxes that the image or tile shows, in its own pixels; those of a tile may reach beyond it.

        Raises:
            AtlasError: the annotation is missing or broken.
        """
        tile = self._tiles[position]
        found = []
        for corners, label in self._objects(tile.image):
            if not tile.side or _share_inside(corners, tile) >= _LEAST_SHARE:
                inside = corners - (tile.left, tile.top)
                found.append(Box((*inside.min(0).tolist(), *inside.max(0).tolist()), label, corners=inside))
        return found

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: 0 background, 1 to 37 the class of the box that lies on top.

        Raises:
            AtlasError: the annotation is missing or broken.
        """
        tile = self._tiles[position]
        height, width = (tile.side, tile.side) if tile.side else read_size(self.root / tile.image)
        labels = np.zeros((height, width), np.int16)
        for corners, label in self._objects(tile.image):
            _fill(labels, corners - (tile.left, tile.top), label + 1)
        return labels

    def dense_groups(self) -> list[str]:
        """Return the supercategory of each class, "" of background."""
        return self._groups

    def _objects(self, image: str) -> list[tuple[np.ndarray, int]]:
        """Return (corners [4, 2], class) of the annotated objects."""
        path = self._annotations[image]
        size = read_size(self.root / image)[::-1]
        found = []
        try:
            for element in parse(path).findall("objects/object"):
                name = text(element, "possibleresult/name")
                if name not in self.box_classes:
                    raise XmlError(f"'{name}' is not one of the 37 classes")
                points = [(point.text or "").split(",") for point in element.findall("points/point")]
                if len(points) < 4 or any(len(point) != 2 for point in points[:4]):
                    raise XmlError(f"{len(points)} points, expected four corners x,y and the first again")
                sides = [as_number(side, "<point>") for point in points[:4] for side in point]
                inside(sides, "a side of a <point>", size)
                found.append((np.array(sides).reshape(4, 2), self.box_classes.index(name)))
        except XmlError as error:
            raise bad_data(f"{path}: {error}") from None
        return found

    def _cut(self, side: int) -> Iterator[_Tile]:
        for image in self.files:
            height, width = read_size(self.root / image)
            for top in range(0, height - side + 1, side):
                for left in range(0, width - side + 1, side):
                    yield _Tile(image, top, left, side)

    def _choose(self, side: int, per_category: int, seed: int | None) -> list[_Tile]:
        shown: dict[_Tile, set[int]] = {}
        for image in self.files:
            rows, columns = (length // side for length in read_size(self.root / image))
            for corners, label in self._objects(image):
                (left, top), (right, bottom) = (corners.min(0) // side).astype(int), (corners.max(0) // side).astype(int)
                for row in range(max(top, 0), min(bottom + 1, rows)):
                    for column in range(max(left, 0), min(right + 1, columns)):
                        tile = _Tile(image, row * side, column * side, side)
                        if _share_inside(corners, tile) >= _LEAST_SHARE:
                            shown.setdefault(tile, set()).add(label)
        order = in_order(sorted(shown), seed)
        taken: set[_Tile] = set()
        for label in range(len(self.box_classes)):
            taken.update([tile for tile in order if label in shown[tile] and tile not in taken][:per_category])
        return sorted(taken)


def _share_inside(corners: np.ndarray, tile: _Tile) -> float:
    """Return the share of a convex polygon's area that lies inside a tile; 0 for a polygon without area."""
    area = _area(corners)
    if area == 0:
        return 0.0
    inside = corners
    for axis, edge, sign in (
        (0, tile.left, 1), (0, tile.left + tile.side, -1), (1, tile.top, 1), (1, tile.top + tile.side, -1),
    ):  # fmt: skip
        inside = _cut_off(inside, axis, edge, sign)
    return _area(inside) / area


def _cut_off(corners: np.ndarray, axis: int, edge: float, sign: int) -> np.ndarray:
    """Return the part of a convex polygon on one side of a line along an axis (Sutherland and Hodgman 1974)."""
    kept = []
    for here, after in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        here_in, after_in = sign * (here[axis] - edge) >= 0, sign * (after[axis] - edge) >= 0
        if here_in:
            kept.append(here)
        if here_in != after_in:
            kept.append(here + (after - here) * (edge - here[axis]) / (after[axis] - here[axis]))
    return np.array(kept).reshape(-1, 2)


def _area(corners: np.ndarray) -> float:
    x, y = corners.T if len(corners) else (np.zeros(0), np.zeros(0))
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _fill(labels: np.ndarray, corners: np.ndarray, value: int) -> None:
    """Write `value` into the pixels of `labels` inside a polygon."""
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)), labels.shape[::-1]).astype(int)
    if left < right and top < bottom:
        mask = polygon_mask((corners - (left, top)).ravel(), int(bottom - top), int(right - left))
        labels[top:bottom, left:right][mask] = value
