"""Pictures for the screen: small previews of figures, and figures that are not too heavy to open."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workflow_scripts.common.errors import made_here

PREVIEW_BYTES = 100_000
PICTURE_BYTES = 1_500_000
ALL_BYTES = 15_000_000  # of all figures of a report together
_WIDTHS = (1074, 800, 600, 400, 280, 200)  # the first: half of a figure's pixels
_QUALITIES = (80, 50)


def write_preview(source: Path, target: Path) -> tuple[int, int]:
    """Write `source` as WebP of at most `PREVIEW_BYTES`, and return the width and height in pixels of `source`.

    Raises:
        AtlasError: the file is no picture.
    """
    picture = _open(source)
    for width in _WIDTHS:
        smaller = _narrower(picture, width)
        for quality in _QUALITIES:
            encoded = _encode(smaller, "WEBP", quality=quality, method=1)
            if len(encoded) <= PREVIEW_BYTES:
                target.write_bytes(encoded)
                return picture.size
    raise made_here(source, "a picture that can be shown", f"{picture.width} x {picture.height} pixels do not get small")


def most_bytes(sizes: Iterable[int], together: int = ALL_BYTES) -> int:
    """Return how large a picture may be so that pictures of `sizes` take no more than `together`: small ones leave theirs."""
    left, sizes = together, sorted(sizes)
    for place, size in enumerate(sizes):
        share = left // (len(sizes) - place)
        if size > share:
            return min(share, PICTURE_BYTES)
        left -= size
    return PICTURE_BYTES


def copy_picture(source: Path, target: Path, most: int = PICTURE_BYTES) -> bool:
    """Copy a PNG; one above `most` bytes with 256 colours and, if need be, fewer pixels. Return whether it was reduced.

    Its texts, which say where it comes from, stay in it.
    """
    if source.stat().st_size <= most:
        shutil.copyfile(source, target)
        return False
    picture, texts = _open(source), _texts(source)
    width = picture.width
    while True:
        encoded = _encode(_narrower(picture, width).quantize(256), "PNG", optimize=True, pnginfo=texts)
        if len(encoded) <= most:
            target.write_bytes(encoded)
            return True
        width = int(width * min(0.9, (most / len(encoded)) ** 0.5))


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            picture = image.convert("RGBA")
    except (OSError, SyntaxError) as error:
        raise made_here(path, "a picture", error) from None
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _texts(path: Path) -> PngInfo:
    found = PngInfo()
    with Image.open(path) as image:
        for key, text in getattr(image, "text", {}).items():
            found.add_text(key, text)
    return found


def _narrower(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    return picture.resize((width, max(1, round(picture.height * width / picture.width))), Image.Resampling.LANCZOS)


def _encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
