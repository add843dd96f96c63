"""Images of one's own with a map of the class of every pixel.

Layout: ``images/**``, ``labels/**/<same name>.png`` with one 8-bit channel, ``classes.txt`` with the name of a class a line,
the first that of value 0; or the images and maps of a split in ``images/<split>/``, ``labels/<split>/``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders
from workflow_scripts.data.image_folder import SUFFIXES
from workflow_scripts.data.readers.files import ImageFiles, read_index_map, read_lines

_VOID = 255
_CATEGORY = "class"


class LabelMaps(ImageFiles):
    """The images by their sorted paths. They are read as they are stored: the maps are drawn on these pixels."""

    def __init__(self, path: Path, split: str | None = None, void: int | None = None) -> None:
        """Index the images below `path`.

        Args:
            path: folder of the layout above.
            split: folder below images and labels; None where there are no splits.
            void: the value of pixels without a class; None for 255. It may be that of a listed class, which then is none.

        Raises:
            AtlasError: the files are not in this layout.
        """
        root = path / "images" / (split or "")
        if not root.is_dir():
            raise bad_data(f"{root}: no such folder, expected the images")
        folders = Folders()
        files = sorted(folders.below(root, SUFFIXES))
        if not files:
            raise bad_data(f"{root}: no image in this folder")
        super().__init__(root, files, left_over=folders.left_over())
        self._maps = path / "labels" / (split or "")
        self._listed = path / "classes.txt"
        names = read_lines(self._listed, "the name of a class a line")
        self._void = _VOID if void is None else void
        if not 0 < len(names) <= _VOID:
            raise bad_data(f"{self._listed}: {len(names)} names, expected 1 to {_VOID}")
        kept = [value for value in range(len(names)) if value != self._void]
        self.dense_classes = [names[value] for value in kept]
        self.concept_names = dict(enumerate(self.dense_classes, 1))
        self.concept_categories = {number: [_CATEGORY] for number in self.concept_names}
        self._class = np.full(256, -2, np.int16)
        self._class[kept] = np.arange(len(kept))
        self._class[self._void] = -1

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: the class of every pixel, -1 for none.

        Raises:
            AtlasError: there is no map, or a value has no name.
        """
        path = self._maps / Path(self.files[position]).with_suffix(".png")
        values = read_index_map(path)
        labels = self._class[values]
        if (labels == -2).any():
            unnamed = int(values[labels == -2].min())
            raise AtlasError(
                f"{path}: value {unnamed} has no name in {self._listed} and is not void ({self._void}); "
                "name it there, or give the option void"
            )
        return labels

    def concepts(self, position: int) -> dict[str, np.ndarray]:
        """Return the classes as concepts of one category, [1, H, W] int32, from 1, 0 for none.

        Raises:
            AtlasError: as of `dense_labels`.
        """
        return {_CATEGORY: self.dense_labels(position)[None].astype(np.int32) + 1}
