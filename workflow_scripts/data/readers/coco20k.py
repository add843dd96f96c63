"""COCO20k: 19,817 images of COCO train2014 and their boxes, for object discovery (Vo et al. 2020, Simeoni et al. 2021).

Layout: ``images/train2014/*.jpg``, ``annotations/instances_train2014.json``, ``coco_20k_filenames.txt``.
"""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.coco import by_id, entries, field
from workflow_scripts.data.readers.files import ImageFiles, read_json, read_lines
from workflow_scripts.data.readers.numbers import near

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
        content = read_json(source, "a file of COCO's annotations", keep=_without_outline)
        try:
            images = {field(image, "file_name", "image", str): image for image in by_id(entries(content, "images"), "images")}
            if lost := [name for name in names if name not in images]:
                raise bad_data(f"{path / _LIST}: {lost[0]} is not an image of {source.name}")
            kept = {images[name]["id"]: images[name] for name in names}
            categories = by_id(entries(content, "categories"), "categories")
            place = {category["id"]: i for i, category in enumerate(categories)}
            self._boxes: dict[int | str, list[Box]] = {number: [] for number in kept}
            for annotation in entries(content, "annotations"):
                number, crowd = field(annotation, "image_id", "annotation", int | str), annotation.get("iscrowd")
                if crowd not in (0, 1):
                    raise ValueError(f"annotation {annotation.get('id')}: its 'iscrowd' is neither 0 nor 1")
                if number in kept and not crowd:
                    self._boxes[number].append(_box(annotation, kept[number], place))
        except ValueError as error:
            raise bad_data(f"{source}: {error}") from None
        self.box_classes = [str(category.get("name")) for category in categories]
        self._ids = [images[name]["id"] for name in names]
        super().__init__(path / "images" / "train2014", names)

    def boxes(self, position: int) -> list[Box]:
        """Return the boxes of the image's objects, without crowds."""
        return self._boxes[self._ids[position]]


def _box(annotation: dict, image: dict, place: dict[int | str, int]) -> Box:
    category = field(annotation, "category_id", "annotation", int | str)
    if category not in place:
        raise ValueError(f"annotation {annotation.get('id')}: its category {category} is not described")
    size = (field(image, "width", "image", int), field(image, "height", "image", int))
    sides = near(field(annotation, "bbox", "annotation", list), f"annotation {annotation.get('id')}: a side of its box", size)
    if len(sides) != 4:
        raise ValueError(f"annotation {annotation.get('id')}: a box of {len(sides)} numbers, expected x, y, width, height")
    x, y, width, height = sides
    edges = (float(round(x)), float(round(y)), float(round(x + width)), float(round(y + height)))
    return Box(edges, place[category])


def _without_outline(entry: dict) -> dict:
    entry.pop("segmentation", None)
    return entry
