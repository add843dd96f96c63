"""Broden, the broadly and densely labelled images of Network Dissection (Bau et al. 2017), at 224 px.

Layout: ``broden1_224/{index.csv, label.csv, category.csv, images/<source>/*.jpg}`` and the label maps beside the images.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import first_of
from workflow_scripts.data.images import read_rgb
from workflow_scripts.data.reader_names import BRODEN_CATEGORIES
from workflow_scripts.data.readers.files import ImageFiles, read_rows

_MOST = 2**16 - 1  # the greatest number of a concept that a map can hold


class Broden(ImageFiles):
    """The images of a split that have a label in one of the chosen categories, in the order of the index.

    A cell of the index names label maps, one for each layer, or numbers, labels of the whole image. A map's pixel is its
    red plus 256 times its green, 0 no label; maps are half as large as the images. The numbers are the same in all
    categories, and a concept may belong to several.

    Attributes:
        concept_names: number -> name; 0 is not among them.
        concept_categories: number -> its categories, the most frequent first.
    """

    def __init__(self, path: Path, split: str | None = None, categories: tuple[str, ...] = BRODEN_CATEGORIES[:5]) -> None:
        """Index the images below `path`.

        Args:
            path: the folder ``broden1_224``, or the one that holds it.
            split: "train" or "val", 70 % and 30 %; None: both.
            categories: of the concepts; all but color by default.

        Raises:
            AtlasError: the files are not in this layout.
        """
        root = first_of(path / "broden1_224", path)
        self._categories = tuple(categories)
        index = root / "index.csv"
        rows = _table(index, "the index of the images", ("image", "split", *categories))
        self._rows = [
            {name: row[name] for name in categories if row[name]} | {"image": row["image"]}
            for row in rows
            if split in (None, row["split"]) and any(row[name] for name in categories)
        ]
        super().__init__(root / "images", [row["image"] for row in self._rows])
        self.concept_names, self.concept_categories = _labels(root / "label.csv")

    def concepts(self, position: int) -> dict[str, np.ndarray]:
        """Return category -> [L, h, w] int32, L labels of every pixel, for the categories that the image is labelled in.

        Raises:
            BadImageError: a label map cannot be read.
            AtlasError: a cell of the index is neither a map nor a number.
        """
        row = self._rows[position]
        return {name: self._layers(row[name]) for name in self._categories if name in row}

    def _layers(self, cell: str) -> np.ndarray:
        layers = []
        for item in cell.split(";"):
            if item.isascii() and item.isdigit() and len(item) <= len(str(_MOST)) and int(item) <= _MOST:
                layers.append(np.full((1, 1), int(item), np.int32))
            elif item.endswith(".png"):
                layers.append(_decode(self.root / item))
            else:
                raise bad_data(f"{self.root.parent / 'index.csv'}: '{item[:60]}' is neither a label nor a map")
        shape = max(layer.shape for layer in layers)
        if any(layer.shape not in (shape, (1, 1)) for layer in layers):
            raise bad_data(f"{self.root.parent / 'index.csv'}: the maps of '{cell[:60]}' have several sizes")
        return np.stack([np.broadcast_to(layer, shape) for layer in layers])


def _decode(path: Path) -> np.ndarray:
    # In 32 bits: 256 times a byte overflows the byte, and 16 bits with a sign end at 32767.
    colours = np.asarray(read_rgb(path), np.int32)
    return colours[..., 0] + 256 * colours[..., 1]


def _labels(path: Path) -> tuple[dict[int, str], dict[int, list[str]]]:
    names: dict[int, str] = {}
    categories: dict[int, list[str]] = {}
    for row in _table(path, "the list of concepts", ("number", "name", "category")):
        try:
            number = int(row["number"])
            counts = [part.rstrip(")").split("(") for part in row["category"].split(";")]
            names[number] = row["name"]
            categories[number] = [name for name, count in sorted(counts, key=lambda pair: (-int(pair[1]), pair[0]))]
        except (ValueError, IndexError):
            raise bad_data(
                f"{path}: expected number, name and category(count);... in '{','.join(row.values())[:80]}'"
            ) from None
    return names, categories


def _table(path: Path, what: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of a table with a head, column -> text, which has all of `columns`."""
    head, *rows = read_rows(path, what) or [[]]
    if missing := [name for name in columns if name not in head]:
        raise bad_data(f"{path}: no column '{missing[0]}', expected {what}")
    needed = 1 + max(head.index(name) for name in columns)
    if short := [row for row in rows if len(row) < needed]:
        raise bad_data(f"{path}: expected at least {needed} values, as the head has, in '{','.join(short[0])[:80]}'")
    return [dict(zip(head, row, strict=False)) for row in rows]
