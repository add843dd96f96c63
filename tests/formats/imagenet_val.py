"""ILSVRC2012 validation images as their archive has them, without class folders, and the devkit with the labels."""

from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.formats.pictures import picture

# ILSVRC2012 ids are in an order of their own: 1 is not the first of the sorted wnids.
SYNSETS = [(1, "n02119789", 0), (2, "n01440764", 0), (3, "n02083346", 2)]
TRUTH = (2, 1, 1, 2)
ARCHIVES = {"ILSVRC2012_img_val.tar": ("val",), "ILSVRC2012_devkit_t12.tar.gz": ("ILSVRC2012_devkit_t12",)}


def write(folder: Path) -> None:
    for i in range(len(TRUTH)):
        picture(folder / "val" / f"ILSVRC2012_val_{i + 1:08d}.JPEG", i)
    data = folder / "ILSVRC2012_devkit_t12" / "data"
    data.mkdir(parents=True)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{number}\n" for number in TRUTH))
    fields = ["ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height", "num_train_images"]
    synsets = np.zeros((len(SYNSETS), 1), [(name, object) for name in fields])
    for row, (number, wnid, children) in zip(synsets, SYNSETS, strict=True):
        below = np.arange(children, dtype=float)
        row[0] = (float(number), wnid, "words", "gloss", float(children), below, 0.0, 1300.0)
    savemat(data / "meta.mat", {"synsets": synsets})
