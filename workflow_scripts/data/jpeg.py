"""Centre crops of JPEG files by simplejpeg and torch: faster than PIL, and equal to it within `TOLERANCE` grey levels.

All decode by libjpeg-turbo to the same pixels, but PIL keeps four bytes a pixel. torch resizes as PIL does, along the rows
first and in whole numbers, but with vector instructions and weights of 16 bits, so that a few values differ. Whatever is not
a sound JPEG of ordinary colours is left to PIL.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from PIL import Image
from torch.nn import functional

from workflow_scripts.data.crops import Load, Loaded, plain_load
from workflow_scripts.data.images import JPEG_SUFFIXES, may_be_turned, orientation, plausible
from workflow_scripts.data.reader import FileReader
from workflow_scripts.data.views import CentreCrop, Size, View

TOLERANCE = 2


def worth_it() -> bool:
    """Return whether this machine's processor has what torch's kernel needs to be faster than PIL's."""
    return torch.backends.cpu.get_cpu_capability().startswith("AVX")


def fast_load(reader: FileReader, geometry: CentreCrop) -> Load:
    """Return a function that makes the crops of a sample, by PIL where the sample is not a sound JPEG of ordinary colours.

    Args:
        reader: the dataset.
        geometry: without `fit`, which PIL alone can do.
    """
    by_pil = plain_load(reader, View(geometry))
    upright = getattr(reader, "upright", False)

    def load(position: int) -> Loaded:
        path = reader.file(position)
        found = _decoded(path) if path and path.suffix.lower() in JPEG_SUFFIXES else None
        if found is None or (found[1] != 1 and upright):
            return by_pil(position)
        pixels, turned = found
        size = pixels.shape[:2]
        resized = geometry.resized(size)
        top, left = geometry.corner(resized)
        crop = _bicubic(pixels, resized)[None, top : top + geometry.crop, left : left + geometry.crop]
        return Loaded(crop, size, turned)

    return load


def _decoded(path: Path) -> tuple[np.ndarray, int] | None:
    """Return the pixels [H, W, 3] uint8 as they are stored and the orientation that the file states.

    None where PIL has to read the image, or to say what is wrong with it.
    """
    try:
        content = path.read_bytes() if path.is_file() else b""
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours in ("CMYK", "YCCK") or height * width > Image.MAX_IMAGE_PIXELS:
            return None
        if not plausible((width, height), len(content)):
            return None
        return simplejpeg.decode_jpeg(content, "RGB"), _orientation(content)
    except (OSError, ValueError):
        return None


def _orientation(content: bytes) -> int:
    if not may_be_turned(content):
        return 1
    with Image.open(BytesIO(content), formats=["JPEG"]) as image:
        return orientation(image)


def _bicubic(pixels: np.ndarray, size: Size) -> np.ndarray:
    if pixels.shape[:2] == size:
        return pixels
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    planes = functional.interpolate(planes, size, mode="bicubic", antialias=True)[0].numpy()
    # They lie plane by plane; NumPy's own transposed copy is four times slower.
    resized = np.empty((*size, 3), np.uint8)
    for channel, plane in enumerate(planes):
        resized[..., channel] = plane
    return resized
