"""ILSVRC2012 training images: 50 + 1 classes with names that sort differently as strings and as numbers."""

from pathlib import Path

from tests.formats.pictures import picture
from workflow_scripts.data.readers.files import packaged_rows

WNIDS = sorted([*(row["wnid"] for row in packaged_rows("imagenet50_synsets.csv")), "n01440764"])
NUMBERS = (9, 10, 10001)  # as strings: 10, 10001, 9
ARCHIVES = {"ILSVRC2012_img_train.tar": ("train",)}


def write(folder: Path) -> None:
    for i, wnid in enumerate(WNIDS):
        for j, number in enumerate(NUMBERS):
            picture(folder / "train" / wnid / f"{wnid}_{number}.JPEG", 3 * i + j, mode="CMYK" if i == 0 and j == 2 else "RGB")
    (folder / "train" / WNIDS[1] / "._n01601694_9.JPEG").write_bytes(b"junk of macOS")
    (folder / "train" / ".DS_Store").write_bytes(b"junk of macOS")
