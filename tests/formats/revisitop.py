"""Revisited Oxford and Paris: a pickle as Python 2 and numpy 1 wrote it, images flat or in a folder per landmark."""

import pickle
from pathlib import Path

import numpy as np

from tests.formats.pictures import picture

SIZE = (40, 30)
GND = [
    {"bbx": [5.2, 3.0, 25.4, 20.0], "easy": [], "hard": [1, 2], "junk": [5]},
    {"bbx": [0.0, 0.0, 40.0, 30.0], "easy": np.array([0]), "hard": np.array([], np.int64), "junk": [3, 4]},
]


def write_revisited(folder: Path, name: str, landmarks: list[str], below: str) -> None:
    """Write six database images and two queries; `below` is the folder of an image, with {landmark}."""
    stems = [f"{landmark}_{i:06d}" for landmark in landmarks for i in range(4)]
    queries, database = [stems[0], stems[4]], [stem for i, stem in enumerate(stems) if i not in (0, 4)][::-1]
    for stem in stems:
        landmark = stem.rsplit("_", 1)[0].split("_")[-1]
        picture(folder / "jpg" / below.format(landmark=landmark) / f"{stem}.jpg", number(stem), SIZE)
    # Broken files lie in the archives, but the ground truth does not name them.
    (folder / "jpg" / f"{landmarks[0]}_000136.jpg").write_bytes(b"\xff\xd8 broken")
    content = {"imlist": database, "qimlist": queries, "gnd": GND}
    with open(folder / f"gnd_{name}.pkl", "wb") as file:
        pickle.dump(content, file, protocol=2)


def number(stem: str) -> int:
    """Return the number of the picture that is called so."""
    return sum(stem.encode()) % 97
