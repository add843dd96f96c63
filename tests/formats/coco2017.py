"""COCO 2017 validation: ids out of order, a polygon with two rings, a crowd, compressed runs, a degenerate ring."""

import json
from pathlib import Path

from tests.formats.pictures import picture

SIZE = (24, 20)  # width, height
# Ids have gaps, as in COCO.
CATEGORIES = [(1, "person"), (3, "car"), (18, "dog"), (90, "toothbrush")]
IDS = [632, 139, 285]
ARCHIVES = {
    "val2017.zip": ("images/val2017",),
    "annotations_trainval2017.zip": ("annotations",),
}
# Runs down the columns of an image of 20 rows: rows 5 to 9 of columns 0 and 1, then nothing.
CROWD = {"size": [20, 24], "counts": [5, 5, 15, 5, 450]}
# The same as COCO's compressed text, by pycocotools 2.0.
COMPRESSED = {"size": [20, 24], "counts": "55?0c="}
ANNOTATIONS = [
    (139, 18, 0, [[2, 3, 8, 3, 8, 7, 2, 7], [10, 10, 12, 10, 12, 12, 10, 12]]),
    (139, 90, 0, [[4, 4, 9, 9]]),  # four numbers: nothing
    (632, 1, 1, CROWD),
    (632, 3, 0, COMPRESSED),
]


def write(folder: Path) -> None:
    for number in IDS:
        picture(folder / "images/val2017" / f"{number:012d}.jpg", number, SIZE)
    images = [{"id": n, "file_name": f"{n:012d}.jpg", "width": SIZE[0], "height": SIZE[1]} for n in IDS]
    annotations = [
        {"id": i, "image_id": image, "category_id": kind, "iscrowd": crowd, "segmentation": shape}
        | {"bbox": [2, 3, 6, 4], "area": 24}
        for i, (image, kind, crowd, shape) in enumerate(ANNOTATIONS)
    ]  # fmt: skip
    categories = [{"id": i, "name": name, "supercategory": "thing"} for i, name in CATEGORIES]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations").mkdir(parents=True)
    (folder / "annotations/instances_val2017.json").write_text(json.dumps(content))
