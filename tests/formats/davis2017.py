"""DAVIS 2017: two videos of four frames, palette annotations, void in one; the list is not in sorted order."""

from pathlib import Path

import numpy as np

from tests.formats.pictures import palette_png, picture

SIZE = (96, 64)
VIDEOS = ["judo", "bike-packing"]
FRAMES = 4
ARCHIVES = {"DAVIS-2017-trainval-480p.zip": ("DAVIS",)}


def object_map(video: int, frame: int) -> np.ndarray:
    """Return [64, 96] uint8 as annotated: two objects that move to the right, void beside the second of video 1."""
    values = np.zeros(SIZE[::-1], np.uint8)
    values[8:40, 4 + frame : 36 + frame] = 1
    values[20:60, 50 + frame : 80 + frame] = 2
    if video == 1:
        values[20:60, 80 + frame : 84 + frame] = 255
    return values


def write(folder: Path) -> None:
    root = folder / "DAVIS"
    for i, video in enumerate(VIDEOS):
        for frame in range(FRAMES):
            picture(root / f"JPEGImages/480p/{video}/{frame:05d}.jpg", FRAMES * i + frame, SIZE)
            palette_png(root / f"Annotations/480p/{video}/{frame:05d}.png", object_map(i, frame))
    (root / "ImageSets/2017").mkdir(parents=True)
    (root / "ImageSets/2017/val.txt").write_text("".join(f"{video}\n" for video in VIDEOS))
