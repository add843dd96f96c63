"""Remote-sensing scenes in one folder per class: UC Merced, NWPU-RESISC45 and EuroSAT (RGB)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workflow_scripts.data.bad_data import bad_data
from workflow_scripts.data.folders import Folders, first_of
from workflow_scripts.data.readers.files import ImageFiles, packaged_lines, read_lines


@dataclass(frozen=True)
class _Collection:
    folder: str
    suffix: str
    classes: str
    split_list: str


_COLLECTIONS = {
    "uc_merced": _Collection("UCMerced_LandUse/Images", ".tif", "ucmerced_classes.txt", "uc_merced-{split}.txt"),
    "resisc45": _Collection("NWPU-RESISC45", ".jpg", "resisc45_classes.txt", "resisc45-{split}.txt"),
    "eurosat": _Collection("2750", ".jpg", "eurosat_classes.txt", "eurosat-{split}.txt"),
}


class Scenes(ImageFiles):
    """The images class by class, by sorted name; a class is a folder.

    The collections have no split of their own. `split` takes one of the lists of Neumann et al. 2019, one file name a line,
    whose suffix does not count (they name the TIFFs of some collections and the JPEGs of others).
    """

    def __init__(self, path: Path, collection: str, split: str | None = None) -> None:
        """Index the images below `path`.

        Args:
            path: folder that holds the collection's folder and the lists.
            collection: "uc_merced", "resisc45" or "eurosat".
            split: None, all images; "train", "val" or "test".

        Raises:
            AtlasError: a class or a listed image is missing.
        """
        about = _COLLECTIONS[collection]
        root = first_of(path / about.folder, path)
        classes = sorted(packaged_lines(about.classes))
        rows, folders = [], Folders()
        folders.folders(root, classes.__contains__)  # so that other folders are said to be left over
        for label, name in enumerate(classes):
            files = folders.files(root / name, (about.suffix,))
            if not files:
                raise bad_data(f"{root / name}: no image (*{about.suffix}) of this class")
            rows += [(f"{name}/{file}", label) for file in files]
        if split:
            listed = path / about.split_list.format(split=split)
            wanted = {PurePosixPath(line).stem for line in read_lines(listed, "the list of the split's images")}
            rows = [(file, label) for file, label in rows if PurePosixPath(file).stem in wanted]
            if lost := wanted - {PurePosixPath(file).stem for file, _ in rows}:
                raise bad_data(f"{listed}: {min(lost)} and {len(lost) - 1} more are not below {root}")
        super().__init__(root, [file for file, _ in rows], classes, [label for _, label in rows], folders.left_over())
