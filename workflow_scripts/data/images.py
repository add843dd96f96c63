"""Reading one image file as 8-bit RGB, or saying by name what is wrong with it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from workflow_scripts.common.errors import AtlasError

JPEG_SUFFIXES = (".jpg", ".jpeg")
# The formats of PIL that are read, whatever the suffix. Of the others some start a program (EPS) or are no pictures.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM", "GIF")
ORIENTATION = "orientation"  # key of `Image.info`: what the file says by EXIF and was not followed, 1 to 8
# A JPEG has no less than a bit for each block of 8 x 8 pixels, so no more pixels in a byte; twice that is let pass.
_PIXELS_PER_BYTE = 1024
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImageError(AtlasError):
    """An image file that cannot be read; the message names the file."""


def read_rgb(path: str | Path) -> Image.Image:
    """Return the image at `path`, fully decoded, as 8-bit RGB, as it is stored.

    Grayscale, palette and CMYK images are converted; of an image with transparency the colours are kept; 16-bit images
    are scaled to 8 bits (PIL alone would clip them). `info` has the `ORIENTATION` that the file states, which is not followed
    (in TIFF files PIL itself follows it).

    Raises:
        BadImageError: the file is missing, empty, truncated, not an image, or of a kind that has no RGB reading.
    """
    with open_image(path) as image:
        image.load()
        rgb = _to_rgb(image, path)
        rgb.info[ORIENTATION] = orientation(image)
    return rgb


def upright(image: Image.Image) -> Image.Image:
    """Return an image of `read_rgb` turned as its file says; its `info` still has what the file says."""
    turn = _TURNS.get(image.info[ORIENTATION])
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> int:
    """Return the orientation in an image's EXIF data, 1 to 8; 1, as it is stored, where it has none that can be read."""
    try:
        found = image.getexif().get(Base.Orientation, 1)
        return found if found in _TURNS else 1
    except Exception:  # PIL raises whatever a damaged byte leads to; the picture itself may be whole
        return 1


def may_be_turned(content: bytes) -> bool:
    """Return whether a JPEG's bytes may state an orientation: whether they have EXIF data, or name one as text (XMP)."""
    return b"Exif\0" in content or b"Orientation" in content


def read_size(path: str | Path) -> tuple[int, int]:
    """Return (height, width) from the head of an image file.

    Raises:
        BadImageError: the file is missing, empty or not an image.
    """
    with open_image(path) as image:
        return image.height, image.width


@contextmanager
def open_image(path: str | Path, formats: tuple[str, ...] = FORMATS, content: bytes | None = None) -> Iterator[Image.Image]:
    """Open an image file by PIL; what goes wrong with the file is said by its name, also while the block reads it.

    Args:
        path: the file.
        formats: the formats of PIL that it may have.
        content: what is read in its place.

    Raises:
        BadImageError: the file is missing, empty, not a file, not an image, or has more pixels than it can hold.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadImageError(f"{path}: not a file, but a folder or a device; remove it")
        if status.st_size == 0:
            raise BadImageError(f"{path}: the image file is empty (0 bytes); replace it or remove it")
        with Image.open(path if content is None else BytesIO(content), formats=formats) as image:
            if min(image.size) < 1:
                raise BadImageError(f"{path}: an image of {image.width} x {image.height} pixels; replace it or remove it")
            if image.format in ("JPEG", "MPO") and not plausible(image.size, status.st_size):
                raise BadImageError(
                    f"{path}: its header says {image.width} x {image.height} pixels, far more than its {status.st_size} "
                    "bytes can hold; replace it or remove it"
                )
            yield image
    except BadImageError:
        raise
    except FileNotFoundError:
        raise BadImageError(f"{path}: the image file does not exist") from None
    except Exception as error:  # PIL reports a damaged file with whatever a byte leads to
        unknown = f"not an image file ({', '.join(formats)})"
        reason = unknown if isinstance(error, Image.UnidentifiedImageError) else " ".join(str(error).split())
        raise BadImageError(f"{path}: cannot be decoded ({reason}); replace it or remove it") from None


def plausible(size: tuple[int, int], n_bytes: int) -> bool:
    """Return whether a JPEG of so many bytes can hold an image of `size`; a header that lies would take gigabytes."""
    return size[0] * size[1] <= _PIXELS_PER_BYTE * n_bytes


def most_pixels() -> int:
    """Return how many pixels an image may have: what PIL takes for an image and no attack."""
    return 2 * Image.MAX_IMAGE_PIXELS


def _to_rgb(image: Image.Image, path: str | Path) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, dtype=np.uint16) / 257).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadImageError(f"{path}: {image.mode} pixels have no fixed white; convert the image to 8 or 16 bits")
    return image.convert("RGB")
