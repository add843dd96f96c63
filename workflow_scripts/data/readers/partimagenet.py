"""PartImageNet, the original release ("OOD": the classes of its three splits are disjoint).

Layout: ``{train,val,test}.json``, COCO style, and ``{train,val,test}/<wnid>/*.JPEG``; the JSON names files without folders.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders
from workflow_scripts.data.reader import Region
from workflow_scripts.data.readers.coco import CocoIndex
from workflow_scripts.data.readers.files import ImageFiles

SPLITS = ("train", "val", "test")


class PartImageNet(ImageFiles):
    """Images of all three splits, super-category by super-category, then by class and name.

    `parts` gives every annotation with its part category (0..39): in Walmer et al. 2023 these are both the objects of the
    attention masks and the parts that are clustered. `objects` gives what the release has no annotation for, the union of
    an image's parts, labelled with its super-category (by sorted name).

    With `per_supercategory`, one image is taken from each class of a super-category in turn, by sorted name, until there
    are so many; a class that has no more is passed over, a smaller super-category taken whole. Classes come in sorted
    order; in the study's code they came as the file system listed them, so its sample may differ by a few images.
    """

    def __init__(self, path: Path, per_supercategory: int | None = None) -> None:
        """Index the annotations below `path`.

        Args:
            path: folder of the layout above, however deep.
            per_supercategory: at most so many images of each of the eleven super-categories.

        Raises:
            AtlasError: the files are not in this layout.
        """
        folders = Folders()
        annotations = folders.by_name(path, tuple(f"{split}.json" for split in SPLITS))
        missing = [f"{split}.json" for split in SPLITS if f"{split}.json" not in annotations]
        if missing:
            raise bad_data(f"{path}: no file {missing[0]}, expected train.json, val.json and test.json")
        images = folders.by_name(path, (".jpeg",))
        self._indices = [CocoIndex(path / annotations[f"{split}.json"]) for split in SPLITS]
        kinds = {index.kind(category) for index in self._indices for category in index.categories}
        self._supercategories = sorted(kinds)
        rows = _select(self._by_class(), per_supercategory)
        self._rows = [(index, place) for _, _, index, place in rows]
        files = []
        for _, wnid, index, place in rows:
            name = self._indices[index].names[place]
            files.append(images.get(name, f"{SPLITS[index]}/{wnid}/{name}"))  # `image` names the one that is missing
        classes = sorted({wnid for _, wnid, _, _ in rows})
        place_of = {wnid: place for place, wnid in enumerate(classes)}
        super().__init__(path, files, classes, [place_of[wnid] for _, wnid, _, _ in rows], folders.left_over())

    def parts(self, position: int) -> list[Region]:
        """Return the annotated parts that cover a pixel, labelled with the part's id."""
        index, place = self._rows[position]
        return [Region(mask, annotation["category_id"]) for mask, annotation in self._indices[index].masks(place)]

    def objects(self, position: int) -> list[Region]:
        """Return the union of the image's parts, labelled with the super-category; none if it has no parts."""
        index, place = self._rows[position]
        union: dict[str, np.ndarray] = {}
        for mask, annotation in self._indices[index].masks(place):
            name = self._indices[index].kind(annotation["category_id"])
            union[name] = union[name] | mask if name in union else mask
        return [Region(union[name], self._supercategories.index(name)) for name in sorted(union)]

    def _by_class(self) -> dict[tuple[str, str], list[tuple[str, int, int]]]:
        """Return (super-category, wnid) -> sorted (file name, split, place in the split) of its images.

        The super-category of a class is the one that most of its annotations have.
        """
        images: dict[str, list[tuple[str, int, int]]] = {}
        votes: dict[str, Counter[str]] = {}
        for number, index in enumerate(self._indices):
            for place, image in enumerate(index.images):
                wnid = index.names[place].split("_")[0]
                images.setdefault(wnid, []).append((index.names[place], number, place))
                kinds = (index.kind(a["category_id"]) for a in index.annotations[image["id"]])
                votes.setdefault(wnid, Counter()).update(kinds)
        # A class without any annotation has nothing to show.
        return {
            (min(count, key=lambda name: (-count[name], name)), wnid): sorted(images[wnid])
            for wnid, count in votes.items()
            if count
        }


def _select(by_class: dict[tuple[str, str], list[tuple[str, int, int]]], quota: int | None) -> list[tuple[str, str, int, int]]:
    """Return (super-category, wnid, split, place) of the chosen images, sorted by super-category, class and name."""
    rows = []
    for kind in sorted({kind for kind, _ in by_class}):
        classes = {wnid: images for (other, wnid), images in sorted(by_class.items()) if other == kind}
        turns = sorted((turn, wnid) for wnid, images in classes.items() for turn in range(len(images)))
        chosen = sorted((wnid, turn) for turn, wnid in turns[:quota])
        rows += [(kind, wnid, *classes[wnid][turn][1:]) for wnid, turn in chosen]
    return rows
