"""Remote-sensing collections: every class with two images, and lists of a split."""

from pathlib import Path

from tests.formats.pictures import picture
from workflow_scripts.data.readers.files import packaged_lines


def write_scenes(folder: Path, images: str, classes: str, name: str, lists: str, suffix: str) -> None:
    """Write two images of every class; the first of each is listed for training, the second of the first for testing."""
    names = packaged_lines(classes)
    numbers = (0, 1) if "{i:02d}" in name else (1, 10)
    first = [name.format(kind=kind, i=numbers[0]) for kind in names]
    for c, kind in enumerate(names):
        for j, i in enumerate(numbers):
            size = (24, 25) if (c, j) == (0, 1) else (24, 24)  # some of the real ones are a few pixels off
            picture(folder / images / kind / f"{name.format(kind=kind, i=i)}{suffix}", 2 * c + j, size)
    lines = {"train": first, "val": first[:1], "test": [name.format(kind=names[0], i=numbers[1])]}
    for split, listed in lines.items():
        (folder / lists.format(split=split)).write_text("".join(f"{stem}.jpg\n" for stem in listed))
