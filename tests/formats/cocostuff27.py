"""COCO-Stuff in the COCO folders: pixel maps with the values that matter, lists that leave one image out."""

from pathlib import Path

import numpy as np

from tests.formats.pictures import index_png, picture

SIZE = (24, 20)
IDS = {"val": ["000000000724", "000000000139", "000000000285"], "train": ["000000000009"]}
LISTED = {"val": ["000000000724", "000000000139"], "train": ["000000000009"]}
ARCHIVES = {
    "val2017.zip": ("images/val2017",),
    "train2017.zip": ("images/train2017",),
    "stuffthingmaps_trainval2017.zip": ("annotations/train2017", "annotations/val2017"),
    "Coco164kFull_Stuff_Coarse_7.val2017.txt": ("curated/Coco164kFull_Stuff_Coarse_7.val2017.txt",),
    "Coco164kFull_Stuff_Coarse_7.train2017.txt": ("curated/Coco164kFull_Stuff_Coarse_7.train2017.txt",),
}


def pixel_map() -> np.ndarray:
    """Return [20, 24] uint8: person, banner, stuff at both ends, unlabelled, a laptop (coarse class 0)."""
    values = np.full(SIZE[::-1], 255, np.uint8)
    values[0, :5] = [0, 90, 91, 181, 72]
    return values


def write(folder: Path) -> None:
    for split, ids in IDS.items():
        for i, number in enumerate(ids):
            picture(folder / f"images/{split}2017/{number}.jpg", 10 * (split == "train") + i, SIZE)
            index_png(folder / f"annotations/{split}2017/{number}.png", pixel_map())
        (folder / "curated").mkdir(exist_ok=True)
        listed = "".join(f"{number}\n" for number in LISTED[split])
        (folder / f"curated/Coco164kFull_Stuff_Coarse_7.{split}2017.txt").write_text(listed)
