"""Tiny ImageNet: 200 classes of ImageNet at 64 x 64 pixels.

Layout: ``wnids.txt``, ``train/<wnid>/images/*.JPEG``, ``val/images/*.JPEG``, ``val/val_annotations.txt``.
"""

from __future__ import annotations

from pathlib import Path

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.readers.files import ImageFiles, packaged_lines, read_lines

SUFFIXES = (".jpeg",)


class TinyImageNet(ImageFiles):
    """Images class by class, in the order of the sorted WordNet ids and of their sorted names.

    Of the ids in ``wnids.txt`` those of the official 200 count: a public copy of the archive lists two more.
    """

    def __init__(self, path: Path, split: str = "train", per_class: int | None = None) -> None:
        """Index the images below `path`.

        Args:
            path: the folder ``tiny-imagenet-200``, or the one that holds it.
            split: "train" or "val".
            per_class: only the first images of each class, by sorted name.

        Raises:
            AtlasError: the files are not in this layout, or a class has no image.
        """
        root = first_of(path / "tiny-imagenet-200", path)
        official = set(packaged_lines("tiny_imagenet_200_wnids.txt"))
        classes = sorted(wnid for wnid in read_lines(root / "wnids.txt", "the list of classes") if wnid in official)
        if not classes:
            raise bad_data(f"{root / 'wnids.txt'}: none of the 200 classes of Tiny ImageNet")
        folders = Folders()
        found = _train(root, classes, folders) if split == "train" else _val(root)
        if empty := [wnid for wnid in classes if not found.get(wnid)]:
            raise bad_data(f"{root / split}: no image of class {empty[0]}")
        rows = [(name, i) for i, wnid in enumerate(classes) for name in found[wnid][:per_class]]
        super().__init__(root, [name for name, _ in rows], classes, [label for _, label in rows], folders.left_over())


def _train(root: Path, classes: list[str], folders: Folders) -> dict[str, list[str]]:
    places = {wnid: f"train/{wnid}/images" for wnid in classes}
    return {wnid: [f"{below}/{name}" for name in folders.files(root / below, SUFFIXES)] for wnid, below in places.items()}


def _val(root: Path) -> dict[str, list[str]]:
    path = root / "val" / "val_annotations.txt"
    found: dict[str, list[str]] = {}
    for line in sorted(read_lines(path, "the list of validation classes")):
        name, *rest = line.split("\t")
        if not rest:
            raise bad_data(f"{path}: expected 'file, tab, class' in '{line[:60]}'")
        found.setdefault(rest[0], []).append(f"val/images/{name}")
    return found
