"""PNG files of figures, with a palette where that cannot be seen: a chart has few colours, and is then a third of the size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

_MOST = 256  # colours of a palette
_CELLS = 224  # of them that stand for regions of the colour cube; the others are the most frequent colours of all
_MANY = 60_000  # colours from which it is photographs that are shown
_NEAR = 8  # levels of 255 by which a pixel's colour may change unseen,
_OFF = 0.005  # but for so large a share of pixels: edges of rare colours


def write_png(path: Path, image: Image.Image, texts: dict[str, str], dpi: float) -> None:
    """Write a figure's pixels with texts that say where it comes from; the same input gives the same bytes.

    Args:
        path: the file.
        image: RGBA, on an opaque ground.
        texts: chunks of text by keyword.
        dpi: pixels to an inch.
    """
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_text(key, text)
    few = with_palette(image)
    (few or image.convert("RGB")).save(path, "PNG", pnginfo=chunks, dpi=(dpi, dpi), optimize=few is not None)


def with_palette(image: Image.Image) -> Image.Image | None:
    """Return an RGBA image with at most 256 colours, each pixel's the nearest of them, undithered; None if that could be seen.

    The palette has the most frequent colour of each of the regions of the colour cube (16 levels a side) that most pixels
    are in, and then the most frequent ones of all: what is filled evenly keeps its exact colour, and edges change a little.
    """
    pixels = np.asarray(image)
    codes = pixels.view("<u4").ravel() & 0xFFFFFF  # red is the lowest byte
    starts = np.flatnonzero(np.diff(codes, prepend=~codes[:1]))  # of runs of one colour, which most pixels are in
    colours, places = np.unique(codes[starts], return_inverse=True)
    if len(colours) > _MANY:
        return None
    counts = np.bincount(places, weights=np.diff(starts, append=codes.size))
    order = np.argsort(-counts, kind="stable")
    colours, counts = colours[order], counts[order]
    palette = _channels(colours[_chosen(colours, counts)])
    nearest = _nearest(_channels(colours), palette)
    off = np.abs(_channels(colours) - palette[nearest]).max(1) > _NEAR
    if counts[off].sum() > _OFF * codes.size:
        return None
    table = np.zeros(1 << 24, dtype=np.uint8)
    table[colours] = nearest
    few = Image.fromarray(table[codes].reshape(pixels.shape[:2]), "P")
    few.putpalette(palette.astype(np.uint8).tobytes())
    return few


def _chosen(colours: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the places of a palette's colours among `colours`, which are sorted by how many pixels they have."""
    _, first, cells = np.unique(colours >> 4 & 0x0F0F0F, return_index=True, return_inverse=True)
    heaviest = np.argsort(-np.bincount(cells, weights=counts), kind="stable")[:_CELLS]
    chosen = first[heaviest]
    others = np.setdiff1d(np.arange(len(colours)), chosen)[: _MOST - len(chosen)]
    return np.sort(np.concatenate([chosen, others]))


def _channels(colours: np.ndarray) -> np.ndarray:
    return np.stack([colours & 0xFF, colours >> 8 & 0xFF, colours >> 16 & 0xFF], -1).astype(np.int32)


def _nearest(colours: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return the place in `palette` [P, 3] of the colour nearest to each of `colours` [N, 3]."""
    # |c - p|^2 but for |c|^2, which is the same for all p; exact in float32, as all numbers are whole and small.
    products = colours.astype(np.float32) @ palette.T.astype(np.float32)
    return ((palette**2).sum(1) - 2 * products).argmin(1)
