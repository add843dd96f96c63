"""Reading one image file as 8-bit RGB, or saying by name what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from workflow_scripts.common.errors import AtlasError

JPEG_SUFFIXES = (".jpg", ".jpeg")


class BadImageError(AtlasError):
    """An image file that cannot be read; the message names the file."""


def read_rgb(path: str | Path) -> Image.Image:
    """Return the image at `path`, fully decoded, as 8-bit RGB.

    Grayscale, palette and CMYK images are converted; of an image with transparency the colours are kept; 16-bit images
    are scaled to 8 bits (PIL alone would clip them).

    Raises:
        BadImageError: the file is missing, empty, truncated, not an image, or of a kind that has no RGB reading.
    """
    try:
        if Path(path).stat().st_size == 0:
            raise BadImageError(f"{path}: the image file is empty (0 bytes); fetch it again or remove it")
        with Image.open(path) as image:
            image.load()
            return _to_rgb(image, path)
    except FileNotFoundError:
        raise BadImageError(f"{path}: the image file does not exist") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # PIL reports a damaged file with any of these, depending on the format.
        reason = "not an image file" if isinstance(error, Image.UnidentifiedImageError) else " ".join(str(error).split())
        raise BadImageError(f"{path}: cannot be decoded ({reason}); fetch it again or remove it") from None


def _to_rgb(image: Image.Image, path: str | Path) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image, dtype=np.uint16) / 257).round().astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise BadImageError(f"{path}: {image.mode} pixels have no fixed white; convert the image to 8 or 16 bits")
    return image.convert("RGB")
