"""Pascal-Part (Chen et al. 2014) on Pascal VOC 2010, animals.

Layout: ``Annotations_Part/*.mat``, ``VOCdevkit/VOC2010/{JPEGImages/*.jpg, ImageSets/Main/<class>_<split>.txt}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import first_of
from workflow_scripts.data.reader import Region
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_lines
from workflow_scripts.data.readers.matlab import read_mat

_CLASSES = ("background", "tail", "head", "leg", "torso", "ear")


class PascalPartAnimals(ImageFiles):
    """The images of a split in which a bird, cat, cow, dog, horse or sheep has annotated parts, by name.

    `objects` are the animals, labelled by the sorted names of the six; `parts` their raw parts, labelled by the place of
    (animal, part) in the project's table. `dense_labels` merges the raw parts of all six to tail, head, leg, torso and ear, in
    the order of the file, later ones on top; all other pixels are background, also those of an animal outside its parts.
    """

    def __init__(self, path: Path, split: str = "train") -> None:
        """Index the images below `path`; reads the annotations of all that show an animal.

        Args:
            path: folder of the layout above.
            split: "train" or "val", those of VOC 2010.

        Raises:
            AtlasError: the files are not in this layout, or an animal has a part that is not known.
        """
        rows = packaged_rows("pascal_part_animals_merged6.csv")
        self._animals = {int(row["class_ind"]): row["class"] for row in rows}
        self.object_classes = sorted(set(self._animals.values()))
        self._part = {(row["class"], row["part_name"]): i for i, row in enumerate(rows)}
        self._merged = np.array([_CLASSES.index(row["merged_part"]) for row in rows], np.int16)
        self.dense_classes = list(_CLASSES)
        voc = first_of(path / "VOCdevkit" / "VOC2010", path / "VOC2010")
        self._annotations = path / "Annotations_Part"
        names: set[str] = set()
        for animal in self.object_classes:
            lines = read_lines(voc / "ImageSets" / "Main" / f"{animal}_{split}.txt", "the list of a class")
            # 1 shows it, 0 shows only difficult ones, -1 does not.
            names |= {line.split()[0] for line in lines if line.split()[-1] != "-1"}
        kept = [name for name in sorted(names) if any(len(parts) for _, _, parts in self._objects(name))]
        if not kept:
            raise bad_data(f"{self._annotations}: no animal with parts in the {split} split")
        self._names = kept
        super().__init__(voc / "JPEGImages", [f"{name}.jpg" for name in kept])

    def objects(self, position: int) -> list[Region]:
        """Return the animals."""
        return [Region(mask, self.object_classes.index(animal)) for animal, mask, _ in self._objects(self._names[position])]

    def parts(self, position: int) -> list[Region]:
        """Return the raw parts of the animals."""
        return [Region(mask, label) for _, _, parts in self._objects(self._names[position]) for mask, label in parts]

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: 0 background, 1 tail, 2 head, 3 leg, 4 torso, 5 ear."""
        labels = np.zeros(0, np.int16)
        for _, whole, parts in self._objects(self._names[position]):
            labels = labels if labels.size else np.zeros(whole.shape, np.int16)
            for mask, label in parts:
                labels[mask] = self._merged[label]
        return labels

    def _objects(self, name: str) -> Iterator[tuple[str, np.ndarray, list[tuple[np.ndarray, int]]]]:
        """Yield (animal, mask [H, W] bool, [(mask, label) of its parts]) of every animal of an image."""
        path = self._annotations / f"{name}.mat"
        annotation = read_mat(path, "anno", "a part annotation")
        shape = None
        try:
            for thing in annotation[0, 0]["objects"].ravel():
                number = int(thing["class_ind"].item())
                if number in self._animals:
                    shape = shape or thing["mask"].shape
                    # An object without parts has a 0 x 0 array there, which has no field to ask for.
                    parts = thing["parts"].ravel() if thing["parts"].size else []
                    known = [(_mask(part["mask"], shape), self._label(number, part["part_name"])) for part in parts]
                    yield self._animals[number], _mask(thing["mask"], shape), known
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
            reason = " ".join(str(error).split())
            raise bad_data(f"{path}: not a part annotation ({reason})") from None

    def _label(self, number: int, part_name: np.ndarray) -> int:
        key = (self._animals[number], str(part_name.item()))
        if key not in self._part:
            raise ValueError(f"part '{key[1]}' of a {key[0]} is not known")
        return self._part[key]


def _mask(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask as [H, W] bool; all masks of an image have one shape."""
    if values.ndim != 2 or values.shape != shape or values.dtype.kind not in "bui":
        raise ValueError(f"a mask of shape {values.shape} and type {values.dtype}, beside others of {shape}")
    return values.astype(bool)
