"""COCO20k: three of four images are listed, boxes with halves, a crowd."""

import json
from pathlib import Path

from tests.formats.pictures import picture

SIZE = (40, 30)
IDS = [560992, 9, 139, 25]
LISTED = [139, 560992, 9]
# image, category, crowd, box x, y, width, height
ANNOTATIONS = [
    (9, 18, 0, [0.5, 1.5, 10.25, 3.0]),
    (560992, 1, 1, [0, 0, 20, 20]),
    (560992, 90, 0, [2.4, 3.6, 5.2, 6.0]),
    (25, 1, 0, [1, 1, 2, 2]),
]
ARCHIVES = {
    "train2014.zip": ("images/train2014",),
    "annotations_trainval2014.zip": ("annotations",),
    "coco_20k_filenames.txt": ("coco_20k_filenames.txt",),
}


def file_name(number: int) -> str:
    return f"COCO_train2014_{number:012d}.jpg"


def write(folder: Path) -> None:
    for i, number in enumerate(IDS):
        picture(folder / "images/train2014" / file_name(number), i, SIZE)
    images = [{"id": n, "file_name": file_name(n), "width": SIZE[0], "height": SIZE[1]} for n in IDS]
    annotations = [
        {"id": i, "image_id": image, "category_id": kind, "iscrowd": crowd, "bbox": box, "area": 9.0, "segmentation": [[0] * 8]}
        for i, (image, kind, crowd, box) in enumerate(ANNOTATIONS)
    ]
    categories = [
        {"id": i, "name": name, "supercategory": "thing"} for i, name in ((90, "toothbrush"), (1, "person"), (18, "dog"))
    ]
    (folder / "annotations").mkdir()
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations/instances_train2014.json").write_text(json.dumps(content))
    (folder / "coco_20k_filenames.txt").write_text("".join(f"train2014/{file_name(n)}\n" for n in LISTED))
