"""ADE20K scene parsing, 150 classes (Zhou et al. 2017): the archive ADEChallengeData2016, not the full release.

Layout: ``images/{training,validation}/*.jpg``, ``annotations/{training,validation}/*.png``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_index_map
from workflow_scripts.data.readers.subsets import in_order

_CLASSES = 150


class Ade20k(ImageFiles):
    """The images of a split by name, or a subset of them.

    Values of the maps are 0, other, which is not scored and becomes -1, and 1 to 150, which become 0 to 149.
    """

    def __init__(
        self,
        path: Path,
        split: str = "train",
        limit: int | None = None,
        per_class: int | None = None,
        seed: int | None = None,
    ) -> None:
        """Index the images below `path`.

        Args:
            path: the folder ``ADEChallengeData2016``, or the one that holds it.
            split: "train" or "val".
            limit: so many images: the first by name, or with `seed` the first of a permutation.
            per_class: so many images of each class: class by class, those that show it, in the same order and without
                those already taken. This reads label maps until enough are found: up to minutes.
            seed: of the permutation.

        Raises:
            AtlasError: the files are not in this layout, or both kinds of subset are asked for.
        """
        if limit and per_class:
            raise AtlasError("reader 'ade20k': options limit and per_class exclude each other; give one of them")
        root = first_of(path / "ADEChallengeData2016", path)
        folder = {"train": "training", "val": "validation"}[split]
        folders = Folders()
        names = folders.files(root / "images" / folder, (".jpg",))
        if not names:
            raise bad_data(f"{root / 'images' / folder}: no image (*.jpg)")
        self._maps = root / "annotations" / folder
        order = in_order(names, seed)
        chosen = self._show_each_class(order, per_class) if per_class else order[:limit]
        super().__init__(root / "images" / folder, sorted(chosen), left_over=folders.left_over())
        self.dense_classes = [row["Name"].split(";")[0] for row in packaged_rows("ade20k_150_classes.csv")]

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: 0..149, -1 other.

        Raises:
            AtlasError: the map has values of another encoding.
        """
        return self._read(self.files[position]).astype(np.int16) - 1

    def _read(self, name: str) -> np.ndarray:
        path = self._maps / f"{name[:-4]}.png"
        values = read_index_map(path)
        if values.max(initial=0) > _CLASSES:
            raise AtlasError(f"{path}: values beyond {_CLASSES}, so of another release; fetch ADEChallengeData2016.zip")
        return values

    def _show_each_class(self, order: list[str], per_class: int) -> set[str]:
        shown: dict[str, set[int]] = {}
        taken: set[str] = set()
        for value in range(1, _CLASSES + 1):
            wanted = per_class
            for name in order:
                if not wanted:
                    break
                if name in taken:
                    continue
                if name not in shown:
                    shown[name] = set(np.unique(self._read(name)).tolist())
                if value in shown[name]:
                    taken.add(name)
                    wanted -= 1
        return taken
