"""Attention maps as pictures: colouring, mosaics of layers x heads, and where their numbers lie as a tidy table.

Every mosaic is one image on one axes whose data coordinates count cells: cell (row r, column c) covers
[c, c + 1] x [r, r + 1], whatever the size of its patch grid. Twenty models of 12 x 12 heads are so twenty axes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures.data import ModelMaps
from workflow_scripts.figures.style import COLOUR_MAP, MARK

RATIO_MAP, RATIO_LIMIT = "PuOr_r", 8
_OUTLINE = "#111111"
_MOSAIC_PIXELS = 1000  # small patch grids are repeated up to about this width: viewers blur images of few pixels


def colour(maps: np.ndarray) -> np.ndarray:
    """Colour maps [..., h, w], each scaled to its own range, as uint8 RGB [..., h, w, 3].

    A constant map has no range and is drawn in the colour of the minimum.
    """
    maps = np.asarray(maps, dtype=np.float64)
    low, high = maps.min((-2, -1), keepdims=True), maps.max((-2, -1), keepdims=True)
    span = np.where(high > low, high - low, 1)
    return matplotlib.colormaps[COLOUR_MAP]((maps - low) / span, bytes=True)[..., :3]


def mosaic(maps: np.ndarray) -> np.ndarray:
    """Lay maps [rows, columns, h, w] out as one coloured image [rows * h * s, columns * w * s, 3], s a whole number."""
    return _tiled(colour(maps))


def _tiled(tiles: np.ndarray) -> np.ndarray:
    rows, columns, height, width, _ = tiles.shape
    image = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    scale = int(np.clip(_MOSAIC_PIXELS // image.shape[1], 1, 8))
    return image.repeat(scale, 0).repeat(scale, 1)


def ratio_mosaic(maps: np.ndarray) -> np.ndarray:
    """Lay maps of ratios [rows, columns, h, w] out as `mosaic` does, on one scale from 1 / `RATIO_LIMIT` to `RATIO_LIMIT`."""
    with np.errstate(divide="ignore"):
        scaled = np.log(np.asarray(maps, dtype=np.float64)) / np.log(RATIO_LIMIT)
    return _tiled(matplotlib.colormaps[RATIO_MAP]((np.clip(scaled, -1, 1) + 1) / 2, bytes=True)[..., :3])


def show_cells(axes: Axes, image: np.ndarray, rows: int, columns: int, line_width: float = 0.6) -> None:
    """Show a mosaic [.., .., 3] of `rows` x `columns` cells with white lines (points) between the cells."""
    axes.imshow(image, extent=(0, columns, rows, 0), aspect="auto", interpolation="none")
    lines = [((0, r), (columns, r)) for r in range(1, rows)] + [((c, 0), (c, rows)) for c in range(1, columns)]
    if lines:
        axes.add_collection(LineCollection(lines, colors="white", linewidths=line_width, capstyle="butt"))
    axes.set(xlim=(0, columns), ylim=(rows, 0))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)


def mid_lines(axes: Axes) -> None:
    """Mark the attending token's row and column on an axes that shows one aligned map."""
    axes.plot([0.5, 0.5], [0, 1], [0, 1], [0.5, 0.5], color=MARK, linewidth=0.7, solid_capstyle="butt")


def outline(axes: Axes, row: int, column: int, mask: np.ndarray, colour: str = _OUTLINE, line_width: float = 0.6) -> None:
    """Draw the outline of a mask [h, w] over a cell of an axes whose coordinates count cells."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    lines = []
    for y, x in zip(*np.nonzero(padded[1:] != padded[:-1]), strict=True):  # an edge between two rows
        lines.append(((column + (x - 1) / width, row + y / height), (column + x / width, row + y / height)))
    for y, x in zip(*np.nonzero(padded[:, 1:] != padded[:, :-1]), strict=True):
        lines.append(((column + x / width, row + (y - 1) / height), (column + x / width, row + y / height)))
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=line_width, capstyle="projecting"))


def check_same_images(models_maps: Sequence[ModelMaps]) -> tuple[str, ...]:
    """Return the ids of the single images, which must be the same for all models.

    Raises:
        AtlasError: a model's maps were collected on other images.
    """
    first, *others = models_maps
    for maps in others:
        if maps.image_ids != first.image_ids:
            raise AtlasError(
                f"{maps.path}: its single images are not those of {first.path}; run both models on the same images"
            )
    return first.image_ids


def photographs(maps: ModelMaps, count: int) -> np.ndarray:
    """Return the first `count` single images [count, h, w, 3] uint8.

    Raises:
        AtlasError: there are fewer.
    """
    images = maps.array("single_image")
    if len(images) < count:
        raise AtlasError(f"{maps.path}: has {len(images)} single images, {count} are drawn; collect more and run again")
    return images[:count]


def concentration(maps: np.ndarray) -> np.ndarray:
    """Return how concentrated maps [..., h, w] are: 0 if attention is the same everywhere, 1 if it is in one patch.

    One minus the entropy of the map (scaled to sum 1), divided by the entropy of a uniform map. An all-zero map is 0.
    """
    flat = np.asarray(maps, dtype=np.float64).reshape(*maps.shape[:-2], -1)
    total = flat.sum(-1, keepdims=True)
    share = np.divide(flat, total, out=np.full_like(flat, 1 / flat.shape[-1]), where=total > 0)
    entropy = -(share * np.log(np.where(share > 0, share, 1))).sum(-1)
    return 1 - entropy / np.log(max(flat.shape[-1], 2))


def map_frame(
    maps: ModelMaps, array: str, shown: np.ndarray, layers: Iterable[int], heads: Sequence[int] | np.ndarray, **more: object
) -> pd.DataFrame:
    """Return what is shown of a model's maps, a row a map: where the numbers lie and what range the colours span.

    The numbers themselves are an array of the maps' file; a table of them would be many times its size.

    Args:
        maps: whose maps they are.
        array: name of the array in their file.
        shown: [L, H, h, w].
        layers: the L 1-based layer numbers.
        heads: the H 1-based head numbers, or [L, H] if each layer has its own.
        more: further columns, the same in all rows.
    """
    n_layers, n_heads, height, width = shown.shape
    layer = np.asarray(list(layers)).repeat(n_heads)
    head = np.broadcast_to(np.asarray(heads), (n_layers, n_heads)).ravel()
    flat = shown.reshape(n_layers * n_heads, -1).astype(float)
    facts = {"model": maps.model.id, "display_name": maps.model.display_name, **more, "layer": layer, "head": head}
    ranges = {"minimum": flat.min(1), "maximum": flat.max(1), "rows": height, "columns": width, "unit": "share of attention"}
    return pd.DataFrame(facts | ranges | {"array": array, "file": _within_results(maps.path)})


def _within_results(path: Path) -> str:
    """Return the path of a maps' file below the results, whose place is no part of a figure."""
    parts = path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("maps") :]) if "maps" in parts else path.name
