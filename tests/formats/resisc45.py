"""NWPU-RESISC45: JPEGs, three digits."""

from pathlib import Path

from tests.formats.scenes import write_scenes

ARCHIVES = {
    "NWPU-RESISC45.zip": ("NWPU-RESISC45",),
    "resisc45-train.txt": ("resisc45-train.txt",),
    "resisc45-val.txt": ("resisc45-val.txt",),
    "resisc45-test.txt": ("resisc45-test.txt",),
}


def write(folder: Path) -> None:
    write_scenes(folder, "NWPU-RESISC45", "resisc45_classes.txt", "{kind}_{i:03d}", "resisc45-{split}.txt", ".jpg")
