"""Broden: maps of half the image's size in red and green, layers, labels of the whole image, an empty cell."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.formats.pictures import picture

SIZE = 24
CATEGORIES = ("color", "object", "part", "material", "scene", "texture")
LABELS = [(8, "sky", "object(2)"), (9, "wing", "part(1)"), (300, "head", "part(4);object(1)"), (521, "corn", "texture(1)"),
          (700, "street", "scene(1)"), (1000, "black", "color(3)"), (40000, "wood", "material(2);object(7)")]  # fmt: skip
# image, split -> cells
ROWS = [
    ("ade20k/ADE_train_00000001.jpg", "train", {
        "object": "ade20k/ADE_train_00000001_object.png", "scene": "700",
        "part": "ade20k/ADE_train_00000001_part_1.png;ade20k/ADE_train_00000001_part_2.png",
    }),
    ("dtd/banded_0002.jpg", "val", {"texture": "521;300", "color": "dtd/banded_0002_color.png"}),
    ("pascal/2008_000003.jpg", "train", {"color": "pascal/2008_000003_color.png"}),
    ("opensurfaces/1.jpg", "val", {"material": "opensurfaces/1_material.png;300"}),
]  # fmt: skip
MAPS = {
    "ade20k/ADE_train_00000001_object.png": (8, 40000),
    "ade20k/ADE_train_00000001_part_1.png": (0, 300),
    "ade20k/ADE_train_00000001_part_2.png": (9, 0),
    "dtd/banded_0002_color.png": (1000, 1000),
    "pascal/2008_000003_color.png": (1000, 0),
    "opensurfaces/1_material.png": (40000, 0),
}
ARCHIVES = {"broden1_224.zip": ("broden1_224",)}


def label_map(name: str) -> np.ndarray:
    """Return [12, 12] int64: one label in the left half, another in the right."""
    left, right = MAPS[name]
    return np.where(np.arange(SIZE // 2) < SIZE // 4, left, right) * np.ones((SIZE // 2, 1), int)


def write(folder: Path) -> None:
    root = folder / "broden1_224"
    lines = ["image,split,ih,iw,sh,sw," + ",".join(CATEGORIES)]
    for i, (image, split, cells) in enumerate(ROWS):
        picture(root / "images" / image, i, (SIZE, SIZE))
        lines.append(f"{image},{split},{SIZE},{SIZE},{SIZE // 2},{SIZE // 2}," + ",".join(cells.get(c, "") for c in CATEGORIES))
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    for name in MAPS:
        values = label_map(name)
        Image.fromarray(np.stack([values % 256, values // 256, 0 * values], -1).astype(np.uint8)).save(root / "images" / name)
    lines = ["number,name,category,frequency,coverage,syns", *(f"{n},{name},{kinds},20,3.5," for n, name, kinds in LABELS)]
    (root / "label.csv").write_text("\n".join(lines) + "\n")
    lines = ["name,first,last,count,frequency", *(f"{c},1,1,1,20" for c in CATEGORIES)]
    (root / "category.csv").write_text("\n".join(lines) + "\n")
    for category in CATEGORIES:
        rows = [(n, name) for n, name, kinds in LABELS if category in kinds]
        lines = ["code,number,name,frequency,coverage", *(f"{i + 1},{n},{name},20,3.5" for i, (n, name) in enumerate(rows))]
        (root / f"c_{category}.csv").write_text("\n".join(lines) + "\n")
