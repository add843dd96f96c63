"""PartImageNet, OOD release: three COCO-style files, images in class folders that the files do not name."""

import csv
import json
from pathlib import Path

from tests.formats.pictures import picture

SIZE = (24, 20)
PARTS = Path(__file__).with_name("partimagenet_parts.csv")
# split -> class -> (super-category, numbers in its file names)
CLASSES = {
    "train": {"n01440764": ("Fish", (9, 10)), "n02083346": ("Quadruped", (3, 20, 100))},
    "val": {"n02119789": ("Quadruped", (7, 8)), "n01443537": ("Fish", (1, 2))},
    "test": {"n03670208": ("Car", (5, 6)), "n02124075": ("Quadruped", (4,))},
}
ARCHIVES = {"PartImageNet_OOD.zip": ("train", "val", "test", "train.json", "val.json", "test.json")}


def categories() -> list[dict]:
    rows = csv.DictReader(line for line in PARTS.read_text().splitlines() if not line.startswith("#"))
    return [{"id": int(r["category_id"]), "name": r["name"], "supercategory": r["supercategory"]} for r in rows]


def write(folder: Path) -> None:
    number = 0
    for split, classes in CLASSES.items():
        images, annotations = [], []
        for wnid, (kind, names) in classes.items():
            parts = [c["id"] for c in categories() if c["supercategory"] == kind]
            for name in names:
                file = f"{wnid}_{name}.JPEG"
                picture(folder / split / wnid / file, number, SIZE)
                images.append({"id": number, "file_name": file, "width": SIZE[0], "height": SIZE[1]})
                shapes = [[[0, 0, 6, 0, 6, 4, 0, 4]], [[4, 2, 10, 2, 10, 8, 4, 8]], [[1, 1, 3, 3]]]  # the last is a line
                for part, shape in zip(parts, shapes, strict=False):
                    annotations.append({
                        "id": len(annotations), "image_id": number, "category_id": part, "iscrowd": 0, "segmentation": shape,
                        "bbox": [0, 0, 6, 4], "area": 24,
                    })  # fmt: skip
                number += 1
        content = {"images": images[::-1], "annotations": annotations, "categories": categories()}
        (folder / f"{split}.json").write_text(json.dumps(content))
    (folder / "train" / ".DS_Store").write_bytes(b"junk of macOS")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._train.json").write_bytes(b"junk of macOS")
