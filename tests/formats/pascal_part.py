"""Pascal-Part on VOC 2010: nested MATLAB structs, an object without parts, parts that overlap."""

from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.formats.pictures import picture

SIZE = (24, 20)
CLASSES = {"bird": 3, "dog": 12, "tvmonitor": 20, "cat": 8}
# (rows, columns) of boxes, end exclusive
IMAGES = {
    "train": {
        "2008_000002": [("tvmonitor", (2, 8, 2, 8), [])],
        "2008_000008": [
            ("bird", (2, 12, 2, 12), [("lwing", (2, 6, 2, 6)), ("neck", (6, 8, 2, 6)), ("tail", (8, 12, 8, 12))]),
            ("tvmonitor", (14, 18, 14, 18), []),
            ("dog", (4, 16, 8, 20), [("muzzle", (4, 8, 8, 12)), ("rfpa", (10, 12, 8, 12)), ("lear", (4, 5, 8, 9))]),
        ],
        "2008_000009": [("cat", (0, 4, 0, 4), [])],  # an animal, but without parts
    },
    "val": {"2008_000003": [("cat", (0, 10, 0, 10), [("head", (0, 5, 0, 5))])]},
}
ANIMALS = ("bird", "cat", "cow", "dog", "horse", "sheep")
ARCHIVES = {
    "pascal_part_trainval.tar.gz": ("Annotations_Part",),
    "VOCtrainval_03-May-2010.tar": ("VOCdevkit",),
}


def block(rows_and_columns: tuple[int, int, int, int]) -> np.ndarray:
    """Return [20, 24] uint8, 1 inside."""
    top, bottom, left, right = rows_and_columns
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def struct(fields: list[str], records: list[tuple]) -> np.ndarray:
    """Return a MATLAB struct array [1, n]; n = 0 is a 0 x 0 array of numbers, as in the release."""
    if not records:
        return np.zeros((0, 0))
    made = np.zeros((1, len(records)), [(name, object) for name in fields])
    for i, record in enumerate(records):
        made[0, i] = record
    return made


def write(folder: Path) -> None:
    voc = folder / "VOCdevkit/VOC2010"
    lists, parts = voc / "ImageSets/Main", folder / "Annotations_Part"
    lists.mkdir(parents=True)
    parts.mkdir()
    for split, images in IMAGES.items():
        for i, (name, objects) in enumerate(images.items()):
            picture(voc / f"JPEGImages/{name}.jpg", i, SIZE)
            records = [
                (kind, np.uint8(CLASSES[kind]), block(box), struct(["part_name", "mask"], [(p, block(b)) for p, b in inner]))
                for kind, box, inner in objects
            ]
            objects_struct = struct(["class", "class_ind", "mask", "parts"], records)
            savemat(parts / f"{name}.mat", {"anno": struct(["imname", "objects"], [(name, objects_struct)])})
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in images))
        for animal in ANIMALS:
            shown = {name: 1 if any(kind == animal for kind, _, _ in objects) else -1 for name, objects in images.items()}
            (lists / f"{animal}_{split}.txt").write_text("".join(f"{name} {flag:2d}\n" for name, flag in shown.items()))
