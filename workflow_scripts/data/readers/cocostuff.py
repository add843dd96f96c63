"""COCO-Stuff 164k pixel maps in 27 coarse classes, on the curated lists of images (Ji et al. 2019, Cho et al. 2021).

Layout: ``images/{train,val}2017/*.jpg``, ``annotations/{train,val}2017/*.png``, ``curated/`` with a list of image ids for each
split: ``<split>2017/Coco164kFull_Stuff_Coarse_7.txt``, or the split put into the file's name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import first_of
from workflow_scripts.data.readers.files import ImageFiles, packaged_rows, read_index_map, read_lines

_LIST = "Coco164kFull_Stuff_Coarse_7"
_UNLABELLED = 255


class CocoStuff27(ImageFiles):
    """The images of a curated list, in sorted order.

    `dense_labels` maps the 182 classes of the pixel maps (COCO-Stuff's id less 1) to the 27; 255, unlabelled, becomes -1.
    Class 0 is a class like the others. The challenge's own pixel maps have other ids (183) and are refused.
    """

    def __init__(self, path: Path, split: str = "val") -> None:
        """Index the images below `path`.

        Args:
            path: folder of the layout above.
            split: "val" (2,175 images) or "train" (49,629).

        Raises:
            AtlasError: the list is missing or empty.
        """
        curated = path / "curated"
        listed = first_of(curated / f"{_LIST}.{split}2017.txt", curated / f"{split}2017" / f"{_LIST}.txt")
        names = sorted(read_lines(listed, "the list of images"))
        if not names or not all(name.isdigit() for name in names):
            raise bad_data(f"{listed}: expected one image id a line")
        super().__init__(path / "images" / f"{split}2017", [f"{name}.jpg" for name in names])
        self._maps = path / "annotations" / f"{split}2017"
        self.dense_classes = [row["name"] for row in packaged_rows("cocostuff27_classes.csv")]
        self._coarse = np.full(256, -2, np.int16)
        for row in packaged_rows("cocostuff_182_to_27.csv"):
            self._coarse[int(row["pixel_value"])] = int(row["coarse_index"])
        self._coarse[_UNLABELLED] = -1

    def dense_labels(self, position: int) -> np.ndarray:
        """Return [H, W] int16: 0..26, -1 unlabelled.

        Raises:
            AtlasError: the map has values of another encoding.
        """
        path = self._maps / f"{self.files[position][:-4]}.png"
        values = self._coarse[read_index_map(path)]
        if (values == -2).any():
            raise AtlasError(
                f"{path}: values between 182 and 254, so not a stuffthingmaps file; fetch stuffthingmaps_trainval2017.zip"
            )
        return values
