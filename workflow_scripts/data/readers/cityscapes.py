"""Cityscapes, fine annotations (Cordts et al. 2016).

Layout: ``leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png`` and ``gtFine/..._gtFine_labelIds.png``.
"""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_index_map
from workflow_scripts.data.readers.subsets import in_order

_IMAGE, _LABELS = "_leftImg8bit.png", "_gtFine_labelIds.png"


class Cityscapes(ImageFiles):
    """The images of a split, by sorted city and name, or taken from the cities in turn.

    `dense_labels` comes from the label ids, because the archives have no map of training ids: 19 evaluated classes, or the
    27 of label ids 7 to 33; all else is -1. The test split has dummy labels and is not offered.
    """

    def __init__(
        self,
        path: Path,
        split: str = "train",
        classes: int = 19,
        per_city: int | None = None,
        seed: int | None = None,
        in_turn: bool = False,
    ) -> None:
        """Index the images below `path`.

        Args:
            path: folder of the layout above.
            split: "train" (18 cities) or "val" (3).
            classes: 19 or 27.
            per_city: so many images of each city: the first by name, or with `seed` the first of a permutation of each city's
                names; smaller subsets are parts of larger ones.
            seed: of the permutations.
            in_turn: first the first image of every city, then the second of each, in the order in which they are taken: as
                many of each city as there are turns among the first images.

        Raises:
            AtlasError: a city, an image or a label map is missing.
        """
        root = path / "leftImg8bit" / split
        taken, folders = [], Folders()
        for city in sorted(row["city"] for row in packaged_rows("cityscapes_cities.csv") if row["split"] == split):
            names = folders.files(root / city, (_IMAGE.lower(),))
            if not names or (per_city and len(names) < per_city):
                raise bad_data(f"{root / city}: {len(names)} images, expected at least {per_city or 1}")
            taken.append([f"{city}/{name}" for name in in_order(names, seed)[:per_city]])
        if in_turn:
            files = [name for turn in zip_longest(*taken) for name in turn if name]
        else:
            files = [name for names in taken for name in sorted(names)]
        super().__init__(root, files, left_over=folders.left_over())
        self._maps = path / "gtFine" / split
        rows = [row for row in packaged_rows("cityscapes_label_maps.csv") if int(row["label_id"]) >= 0]
        column, void = ("train_id_19", 255) if classes == 19 else ("class_27", -1)
        kept = [row for row in rows if int(row[column]) != void]
        self.dense_classes = [row["name"] for row in sorted(kept, key=lambda row: int(row[column]))]
        self._class_of = np.full(256, -2, np.int16)
        self._class_of[[int(row["label_id"]) for row in rows]] = -1
        self._class_of[[int(row["label_id"]) for row in kept]] = [int(row[column]) for row in kept]

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: the class, -1 void.

        Raises:
            AtlasError: the map has values that are not label ids.
        """
        path = self._maps / self.files[position].replace(_IMAGE, _LABELS)
        values = self._class_of[read_index_map(path)]
        if (values == -2).any():
            raise bad_data(f"{path}: values beyond the label ids 0 to 33, expected a labelIds map of gtFine")
        return values
