"""COCO instances.

Layout: ``annotations/instances_<split>.json``, ``images/<split>/*.jpg`` (or ``<split>/*.jpg``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Region
from workflow_scripts.data.readers.coco_masks import annotation_mask
from workflow_scripts.data.readers.files import ImageFiles, at_least_one, choose, first_of, read_json


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
        choose("coco_instances", "split", split, ("val2017", "train2017"))
        at_least_one("coco_instances", limit=limit)
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
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        """Read the file, keeping the annotations of the first `limit` images.

        Raises:
            AtlasError: it is missing, or not of COCO's format.
        """
        self.path = path
        content = read_json(path, "COCO's annotations")
        try:
            self.images = sorted(content["images"], key=lambda image: image["id"])[:limit]
            self.names = [str(image["file_name"]) for image in self.images]
            self.categories = {category["id"]: category for category in content["categories"]}
            self.annotations: dict[Any, list[dict]] = {image["id"]: [] for image in self.images}
            for annotation in content["annotations"]:
                if annotation["category_id"] not in self.categories:
                    raise AtlasError(f"{path}: category {annotation['category_id']} is not described; fetch the file again")
                if annotation["image_id"] in self.annotations:
                    self.annotations[annotation["image_id"]].append(annotation)
        except (KeyError, TypeError) as error:
            raise AtlasError(f"{path}: not COCO's annotations ({error} is missing); fetch the file again") from None

    def masks(self, position: int) -> list[tuple[Any, dict]]:
        """Return (mask [H, W] bool, annotation) of the annotations that cover a pixel.

        Raises:
            AtlasError: a segmentation cannot be drawn.
        """
        image = self.images[position]
        found = []
        for annotation in self.annotations[image["id"]]:
            try:
                mask = annotation_mask(annotation["segmentation"], image["height"], image["width"])
            except (ValueError, KeyError, TypeError) as error:
                raise AtlasError(f"{self.path}: annotation {annotation.get('id')}: {error}; fetch the file again") from None
            if mask.any():
                found.append((mask, annotation))
        return found
