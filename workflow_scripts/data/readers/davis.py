"""DAVIS 2017, semi-supervised, 480p (Pont-Tuset et al. 2017).

Layout: ``ImageSets/2017/<split>.txt``, ``JPEGImages/480p/<video>/00000.jpg``, ``Annotations/480p/<video>/00000.png``.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.reader import Box
from workflow_scripts.data.readers.files import ImageFiles, read_index_map, read_lines

_VOID = 255


class Davis(ImageFiles):
    """The frames of a split's videos: videos in the order of the split's list, frames by name.

    Annotations are palette images whose indices count. Void (255) is background, as in the official semi-supervised
    evaluation. Objects have no categories: their boxes are all of one.
    """

    box_classes: ClassVar[list[str]] = ["object"]

    def __init__(self, path: Path, split: str = "val") -> None:
        """Index the videos below `path`.

        Args:
            path: the folder ``DAVIS``, or the one that holds it.
            split: "val" or "train".

        Raises:
            AtlasError: the files are not in this layout, or a video's frames and annotations are not the same.
        """
        root = first_of(path / "DAVIS", path)
        self._maps = root / "Annotations" / "480p"
        self._frames: list[tuple[str, int]] = []
        files, folders = [], Folders()
        for video in read_lines(root / "ImageSets" / "2017" / f"{split}.txt", "the list of videos"):
            frames = [name[:-4] for name in folders.files(root / "JPEGImages" / "480p" / video, (".jpg",))]
            maps = [name[:-4] for name in folders.files(self._maps / video, (".png",))]
            if not frames or frames != maps:
                raise bad_data(
                    f"{self._maps / video}: {len(maps)} annotations that do not fit the {len(frames)} frames in JPEGImages"
                )
            files += [f"{video}/{name}.jpg" for name in frames]
            self._frames += [(video, i) for i in range(len(frames))]
        super().__init__(root / "JPEGImages" / "480p", files, left_over=folders.left_over())

    def frame(self, position: int) -> tuple[str, int]:
        """Return (name of the video, 0-based number of the frame)."""
        return self._frames[position]

    def object_map(self, position: int) -> np.ndarray:
        """Return [H, W] uint8: 0 background and void, 1.. the objects of the video."""
        values = read_index_map(self._maps / f"{self.files[position][:-4]}.png")
        values[values == _VOID] = 0
        return values

    def boxes(self, position: int) -> list[Box]:
        """Return the bounds of every object of which a pixel is seen."""
        values = self.object_map(position)
        return [Box(_bounds(values == number), 0, str(number)) for number in np.unique(values[values > 0]).tolist()]


def _bounds(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Return the edges (x0, y0, x1, y1) of what is true."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
