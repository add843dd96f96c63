"""ImageNet-1k (ILSVRC2012) and its subsets by class.

Layout: ``train/<wnid>/*.JPEG``; ``val/<wnid>/*.JPEG``, or ``val/*.JPEG`` as the archive has it, with the devkit beside it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders
from workflow_scripts.data.readers.files import ImageFiles, packaged_lines, packaged_rows, read_lines
from workflow_scripts.data.readers.matlab import read_mat

SUFFIXES = (".jpeg", ".jpg")
DEVKIT = "ILSVRC2012_devkit_t12"


class ImageNet(ImageFiles):
    """Images class by class, in the order of the sorted WordNet ids and of their sorted names.

    `label` is the place of the class among the sorted ids of the chosen classes: not the ILSVRC2012 id of the devkit.
    Names sort as strings, so ``_10001`` precedes ``_9``.
    """

    def __init__(self, path: Path, split: str = "train", subset: str | None = None, per_class: int | None = None) -> None:
        """Index the images below `path`.

        Args:
            path: folder that holds the split's folder, and the devkit if the validation images are not in class folders.
            split: "train" or "val".
            subset: None, all classes; "imagenet50", the 50 classes of Van Gansbeke et al. 2020 that Walmer et al. 2023
                use; "tiny200", the 200 classes of Tiny ImageNet.
            per_class: only the first images of each class, by sorted name.

        Raises:
            AtlasError: the files are not in this layout, or a class has no image.
        """
        folder, folders = path / split, Folders()
        in_folders = folders.folders(folder, _is_wnid)
        if not in_folders and split == "val":
            found = _by_ground_truth(folder, path, folders)
        elif not in_folders:
            raise bad_data(f"{folder}: no class folder such as n01440764")
        else:
            wanted = _SUBSETS[subset]() if subset else in_folders
            there = set(in_folders)
            found = {wnid: folders.files(folder / wnid, SUFFIXES) if wnid in there else [] for wnid in wanted}
            found = {wnid: [f"{wnid}/{name}" for name in names] for wnid, names in found.items()}
        classes = sorted(_SUBSETS[subset]() if subset else found)
        if empty := [wnid for wnid in classes if not found.get(wnid)]:
            raise bad_data(f"{folder}: no image of class {empty[0]} ({len(empty)} of {len(classes)} classes are empty)")
        kept = [found[wnid][:per_class] for wnid in classes]
        labels = np.repeat(np.arange(len(classes), dtype=np.int16), [len(names) for names in kept])
        super().__init__(folder, [name for names in kept for name in names], classes, labels, folders.left_over())


_SUBSETS = {
    "imagenet50": lambda: [row["wnid"] for row in packaged_rows("imagenet50_synsets.csv")],
    "tiny200": lambda: packaged_lines("tiny_imagenet_200_wnids.txt"),
}


def _is_wnid(name: str) -> bool:
    return len(name) == 9 and name[0] == "n" and name[1:].isdigit()


def _by_ground_truth(folder: Path, path: Path, folders: Folders) -> dict[str, list[str]]:
    """Return wnid -> names of a flat validation folder, from the devkit: line i belongs to the i-th name."""
    devkit = path / DEVKIT / "data"
    truth = devkit / "ILSVRC2012_validation_ground_truth.txt"
    names = folders.files(folder, SUFFIXES)
    numbers = read_lines(truth, "the devkit's list of validation classes")
    if not names or len(names) != len(numbers):
        raise bad_data(
            f"{truth}: {len(numbers)} lines, but {folder} has {len(names)} images, expected as many, or class folders"
        )
    wnids = _leaf_synsets(devkit / "meta.mat")
    found: dict[str, list[str]] = {wnid: [] for wnid in wnids.values()}
    for name, number in zip(names, numbers, strict=True):
        if not (number.isascii() and number.isdigit() and len(number) < 10) or int(number) not in wnids:
            raise bad_data(f"{truth}: '{number[:40]}' is not the id of a class of meta.mat")
        found[wnids[int(number)]].append(name)
    return found


def _leaf_synsets(path: Path) -> dict[int, str]:
    """Return ILSVRC2012 id -> wnid of the synsets without children: the classes."""
    records = read_mat(path, "synsets", "the devkit's table of classes")
    try:
        found = {}
        for record in records.ravel():
            # ILSVRC2012_ID, WNID, words, gloss, num_children, ...
            number, wnid, _, _, children, *_ = record
            if int(children.item()) == 0:
                found[int(number.item())] = str(wnid.item())
    except (ValueError, TypeError, AttributeError, OverflowError):  # of an inner array that is no number, or no text
        raise bad_data(f"{path}: the records of 'synsets' are not those of the devkit, ILSVRC2012_ID, WNID, ...") from None
    return found
