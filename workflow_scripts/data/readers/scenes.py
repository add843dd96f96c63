"""Remote-sensing scenes in one folder per class: UC Merced, NWPU-RESISC45 and EuroSAT (RGB)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.readers.files import ImageFiles, choose, first_of, list_files, packaged_lines, read_lines


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
        choose("scenes", "collection", collection, _COLLECTIONS)
        choose("scenes", "split", split, (None, "train", "val", "test"))
        about = _COLLECTIONS[collection]
        root = first_of(path / about.folder, path)
        classes = sorted(packaged_lines(about.classes))
        rows = []
        for label, name in enumerate(classes):
            files = list_files(root / name, (about.suffix,))
            if not files:
                raise AtlasError(f"{root / name}: no image (*{about.suffix}) of this class; fetch the dataset again")
            rows += [(f"{name}/{file}", label) for file in files]
        if split:
            listed = path / about.split_list.format(split=split)
            wanted = {PurePosixPath(line).stem for line in read_lines(listed, "the list of the split's images")}
            rows = [(file, label) for file, label in rows if PurePosixPath(file).stem in wanted]
            if lost := wanted - {PurePosixPath(file).stem for file, _ in rows}:
                raise AtlasError(
                    f"{listed}: {min(lost)} and {len(lost) - 1} more are not below {root}; fetch the dataset again"
                )
        super().__init__(root, [file for file, _ in rows], classes, [label for _, label in rows])
