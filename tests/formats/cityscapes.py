"""Cityscapes: all 18 + 3 cities with a few images each, label ids 0 to 33 in every map."""

from pathlib import Path

import numpy as np

from tests.formats.pictures import index_png, picture
from workflow_scripts.data.readers.files import packaged_rows

SIZE = (17, 8)
PER_CITY = {"train": 8, "val": 11}
ARCHIVES = {"leftImg8bit_trainvaltest.zip": ("leftImg8bit",), "gtFine_trainvaltest.zip": ("gtFine",)}


def label_ids() -> np.ndarray:
    """Return [8, 17] uint8 that counts 0..33 over and over, row by row."""
    return (np.arange(SIZE[0] * SIZE[1]) % 34).astype(np.uint8).reshape(SIZE[::-1])


def write(folder: Path) -> None:
    for row in packaged_rows("cityscapes_cities.csv"):
        split, city = row["split"], row["city"]
        for i in range(PER_CITY.get(split, 0)):
            name = f"{city}_{i:06d}_{(7 * i) % 5:06d}"
            picture(folder / f"leftImg8bit/{split}/{city}/{name}_leftImg8bit.png", i, SIZE)
            index_png(folder / f"gtFine/{split}/{city}/{name}_gtFine_labelIds.png", label_ids())
            index_png(folder / f"gtFine/{split}/{city}/{name}_gtFine_color.png", label_ids())
