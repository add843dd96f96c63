"""UC Merced: TIFFs, two digits."""

from pathlib import Path

from tests.formats.scenes import write_scenes

ARCHIVES = {
    "UCMerced_LandUse.zip": ("UCMerced_LandUse",),
    "uc_merced-train.txt": ("uc_merced-train.txt",),
    "uc_merced-val.txt": ("uc_merced-val.txt",),
    "uc_merced-test.txt": ("uc_merced-test.txt",),
}


def write(folder: Path) -> None:
    write_scenes(folder, "UCMerced_LandUse/Images", "ucmerced_classes.txt", "{kind}{i:02d}", "uc_merced-{split}.txt", ".tif")
