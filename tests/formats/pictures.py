"""Small pictures whose colour says which file they are, so that a test sees a mixed-up order."""

from pathlib import Path

import numpy as np
from PIL import Image


def colour(number: int) -> tuple[int, int, int]:
    return (number * 37 % 200 + 30, number * 91 % 200 + 30, number * 53 % 200 + 30)


def picture(path: Path, number: int, size: tuple[int, int] = (24, 20), mode: str = "RGB") -> None:
    """Write a picture of `size` (width, height) in one colour, in the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour(number)).convert(mode).save(path, {".jpeg": "JPEG", ".jpg": "JPEG"}.get(path.suffix.lower()))


def shows(image: Image.Image, number: int) -> bool:
    """Return whether a picture is the one of `number`, as far as JPEG keeps colours."""
    return bool(np.abs(np.asarray(image, int)[1, 1] - colour(number)).max() <= 6)


def index_png(path: Path, values: np.ndarray) -> None:
    """Write [H, W] uint8 as a grey PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)


def palette_png(path: Path, values: np.ndarray) -> None:
    """Write [H, W] uint8 as a PNG with a palette, in which 1 is not the grey level 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.frombytes("P", values.shape[::-1], values.astype(np.uint8).tobytes())
    image.putpalette([byte for i in range(256) for byte in (255 - i, i * 7 % 256, i * 3 % 256)])
    image.save(path)
