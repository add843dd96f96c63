"""Centre crops of JPEG files by simplejpeg and torch: faster than PIL, and equal to it within `TOLERANCE` grey levels.

All decode by libjpeg-turbo to the same pixels, but PIL keeps four bytes a pixel. torch resizes as PIL does, along the rows
first and in whole numbers, but with vector instructions and weights of 16 bits, so that a few values differ. Whatever is not
a sound JPEG of ordinary colours is left to PIL.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import simplejpeg
import torch
from PIL import Image
from torch.nn import functional

from workflow_scripts.data.crops import Load, Loaded, plain_load
from workflow_scripts.data.images import JPEG_SUFFIXES
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

    def load(position: int) -> Loaded:
        path = reader.file(position)
        pixels = _decoded(path) if path and path.suffix.lower() in JPEG_SUFFIXES else None
        if pixels is None:
            return by_pil(position)
        size = pixels.shape[:2]
        resized = geometry.resized(size)
        top, left = geometry.corner(resized)
        return _bicubic(pixels, resized)[None, top : top + geometry.crop, left : left + geometry.crop], size

    return load


def _decoded(path: Path) -> np.ndarray | None:
    """Return the pixels [H, W, 3] uint8, or None where PIL has to read the image, or to say what is wrong with it."""
    try:
        content = path.read_bytes()
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if colours in ("CMYK", "YCCK") or height * width > Image.MAX_IMAGE_PIXELS:
            return None
        return simplejpeg.decode_jpeg(content, "RGB")
    except (OSError, ValueError):
        return None


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
