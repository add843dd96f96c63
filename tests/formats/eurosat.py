"""EuroSAT, RGB: JPEGs with numbers of any length."""

from pathlib import Path

from tests.formats.scenes import write_scenes

ARCHIVES = {
    "EuroSAT.zip": ("2750",),
    "eurosat-train.txt": ("eurosat-train.txt",),
    "eurosat-val.txt": ("eurosat-val.txt",),
    "eurosat-test.txt": ("eurosat-test.txt",),
}


def write(folder: Path) -> None:
    write_scenes(folder, "2750", "eurosat_classes.txt", "{kind}_{i}", "eurosat-{split}.txt", ".jpg")
