"""COCO instances.

Layout: ``annotations/instances_<split>.json``, ``images/<split>/*.jpg`` (or ``<split>/*.jpg``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import first_of
from workflow_scripts.data.images import most_pixels
from workflow_scripts.data.reader import Region
from workflow_scripts.data.readers.coco_masks import annotation_mask
from workflow_scripts.data.readers.files import ImageFiles, read_json


class CocoInstances(ImageFiles):
    """Images in the order of their ids, also those without any object; the order of the file does not count.

    Masks are COCO's own (see `coco_masks`). Crowd regions are objects like any other, as in Walmer et al. 2023. A region's
    label is the place of its category among the sorted category ids (0..79, while the ids have gaps). Its code reads the
    first 999 of 1000 images where features are clustered, because a loop ends one step early; 1000 are read here.
    """

    def __init__(self, path: Path, split: str = "val2017", limit: int | None = None) -> None:
        """Index the annotations below `path`.

        Args:
            path: folder of the layout above.
            split: "val2017" or "train2017".
            limit: only so many images, of the smallest ids; those without objects count.

        Raises:
            AtlasError: the annotations are missing or not COCO's.
        """
        self._path = path / "annotations" / f"instances_{split}.json"
        index = CocoIndex(self._path, limit)
        super().__init__(first_of(path / "images" / split, path / split), index.names)
        self._index = index
        self._place = {number: place for place, number in enumerate(sorted(index.categories))}

    def objects(self, position: int) -> list[Region]:
        """Return the annotated objects that cover a pixel, in the order of the file."""
        found = self._index.masks(position)
        return [Region(mask, self._place[annotation["category_id"]]) for mask, annotation in found]


class CocoIndex:
    """A file of COCO annotations by image.

    Attributes:
        images: entries of the images, by ascending id.
        names: their file names.
        categories: id -> entry.
        annotations: id of an image -> entries of its annotations.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        """Read the file, keeping the annotations of the first `limit` images.

        Raises:
            AtlasError: it is missing, or not of COCO's format.
        """
        self.path = path
        content = read_json(path, "a file of COCO's annotations")
        try:
            self.images = by_id(entries(content, "images"), "images")[:limit]
            for image in self.images:
                _check_image(image)
            self.names = [image["file_name"] for image in self.images]
            self.categories = {entry["id"]: entry for entry in by_id(entries(content, "categories"), "categories")}
            self.annotations: dict[Any, list[dict]] = {image["id"]: [] for image in self.images}
            for annotation in entries(content, "annotations"):
                image, category = (field(annotation, key, "annotation", int | str) for key in ("image_id", "category_id"))
                if category not in self.categories:
                    raise ValueError(f"annotation {annotation.get('id')}: its category {category} is not described")
                if image in self.annotations:
                    self.annotations[image].append(annotation)
        except ValueError as error:
            raise bad_data(f"{path}: {error}") from None

    def kind(self, category: int | str) -> str:
        """Return the super-category of a category.

        Raises:
            AtlasError: the file does not say it.
        """
        try:
            return field(self.categories[category], "supercategory", "category", str)
        except ValueError as error:
            raise bad_data(f"{self.path}: {error}") from None

    def masks(self, position: int) -> list[tuple[Any, dict]]:
        """Return (mask [H, W] bool, annotation) of the annotations that cover a pixel.

        Raises:
            AtlasError: a segmentation cannot be drawn.
        """
        image = self.images[position]
        found = []
        for annotation in self.annotations[image["id"]]:
            try:
                mask = annotation_mask(annotation.get("segmentation"), image["height"], image["width"])
            except ValueError as error:
                raise AtlasError(
                    f"{self.path}: annotation {annotation.get('id')}: {error}; correct or remove this annotation"
                ) from None
            if mask.any():
                found.append((mask, annotation))
        return found


def entries(content: Any, key: str) -> list[dict]:
    """Return the entries of one list of a file of COCO's annotations.

    Raises:
        ValueError: there is no such list.
    """
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(f"no list of '{key}', so not a file of COCO's annotations")
    return found


def field(entry: dict, key: str, what: str, kind: Any) -> Any:
    """Return a value of an entry that is of a `kind`, a type.

    Raises:
        ValueError: it is not there, or of another type; the message says that the entry is `what`, and its id.
    """
    value = entry.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{what} {entry.get('id')}: its '{key}' is {str(value)[:40] if key in entry else 'not there'}")
    return value


def by_id(found: list[dict], what: str) -> list[dict]:
    """Return entries in the order of their ids, numbers or texts.

    Raises:
        ValueError: an entry has no such id, or they are of both kinds.
    """
    for kind in (int, str):
        if all(isinstance(entry.get("id"), kind) and not isinstance(entry["id"], bool) for entry in found):
            return sorted(found, key=lambda entry: entry["id"])
    raise ValueError(f"{what} whose ids are neither all whole numbers nor all texts")


def _check_image(image: dict) -> None:
    field(image, "file_name", "image", str)
    height, width = (field(image, key, "image", int) for key in ("height", "width"))
    if height < 1 or width < 1 or height * width > most_pixels():
        raise ValueError(f"image {image['id']}: a size of {height} x {width} pixels, which no image has")
