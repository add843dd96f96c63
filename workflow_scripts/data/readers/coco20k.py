"""COCO20k: 19,817 images of COCO train2014 and their boxes, for object discovery (Vo et al. 2020, Simeoni et al. 2021).

Layout: ``images/train2014/*.jpg``, ``annotations/instances_train2014.json``, ``coco_20k_filenames.txt``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.files import ImageFiles, read_json, read_lines

_LIST = "coco_20k_filenames.txt"


class Coco20k(ImageFiles):
    """The listed images, in the order of the list.

    As in LOST (Simeoni et al. 2021), the edges of a box are x, y, x + width, y + height, each rounded (halves to even), and
    crowd regions are left out.
    """

    def __init__(self, path: Path) -> None:
        """Index the annotations below `path`.

        Args:
            path: folder of the layout above.

        Raises:
            AtlasError: the files are not in this layout.
        """
        names = [line.split("/")[-1] for line in read_lines(path / _LIST, "the list of images")]
        source = path / "annotations" / "instances_train2014.json"
        # The outlines make up nearly all of the file; they are dropped as it is read.
        content = read_json(source, "COCO's annotations", keep=_without_outline)
        try:
            ids = {image["file_name"]: image["id"] for image in content["images"]}
            categories = sorted(content["categories"], key=lambda category: category["id"])
            place = {category["id"]: i for i, category in enumerate(categories)}
            if lost := [name for name in names if name not in ids]:
                raise AtlasError(f"{path / _LIST}: {lost[0]} is not an image of {source.name}; fetch both again")
            self._boxes: dict[Any, list[Box]] = {ids[name]: [] for name in names}
            for annotation in content["annotations"]:
                if annotation["image_id"] in self._boxes and not annotation["iscrowd"]:
                    x, y, width, height = annotation["bbox"]
                    edges = (float(round(x)), float(round(y)), float(round(x + width)), float(round(y + height)))
                    self._boxes[annotation["image_id"]].append(Box(edges, place[annotation["category_id"]]))
        except (KeyError, TypeError, ValueError) as error:
            raise AtlasError(f"{source}: not COCO's annotations ({error}); fetch the file again") from None
        self.box_classes = [str(category["name"]) for category in categories]
        self._ids = [ids[name] for name in names]
        super().__init__(path / "images" / "train2014", names)

    def boxes(self, position: int) -> list[Box]:
        """Return the boxes of the image's objects, without crowds."""
        return self._boxes[self._ids[position]]


def _without_outline(entry: dict) -> dict:
    entry.pop("segmentation", None)
    return entry
