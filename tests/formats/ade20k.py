"""ADE20K scene parsing: images of differing sizes, maps with 0, 1 and 150."""

from pathlib import Path

import numpy as np

from tests.formats.pictures import index_png, picture

# name -> (size, values in its map)
IMAGES = {
    "training/ADE_train_00000001": ((24, 20), (0, 1)),
    "training/ADE_train_00000002": ((30, 18), (0, 1, 2)),
    "training/ADE_train_00000003": ((16, 16), (1, 150)),
    "training/ADE_train_00000010": ((16, 16), (2, 150)),
    "validation/ADE_val_00000001": ((24, 20), (0, 1)),
    "validation/ADE_val_00000002": ((20, 24), (150,)),
}
ARCHIVES = {"ADEChallengeData2016.zip": ("ADEChallengeData2016",)}


def values(name: str) -> np.ndarray:
    """Return [H, W] uint8 that repeats the values of an image."""
    (width, height), shown = IMAGES[name]
    return np.resize(np.array(shown, np.uint8), (height, width))


def write(folder: Path) -> None:
    root = folder / "ADEChallengeData2016"
    for i, (name, (size, _)) in enumerate(IMAGES.items()):
        picture(root / f"images/{name}.jpg", i, size)
        index_png(root / f"annotations/{name}.png", values(name))
    (root / "objectInfo150.txt").write_text("Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.1576\t11664\t1172\t1\twall\n")
    (root / "sceneCategories.txt").write_text("ADE_train_00000001 airport_terminal\n")
