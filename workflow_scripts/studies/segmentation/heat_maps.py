"""Heat maps of correspondence: the cosine of one keypoint with every place of another image, with what was found there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from workflow_scripts.figures.data import ModelMaps
from workflow_scripts.figures.style import MARK

# Not the map of the other figures, whose middle is the green of the marks.
_HEAT = "inferno"
_PHOTO = 0.35  # weight of the grey photograph behind the heat
_TRUE, _OUTLINE = "#27d34a", "#10130f"
_PAPER = 255


@dataclass(frozen=True)
class HeatMap:
    """One keypoint of one model, facet and layer: places (x, y) and lengths are shares of the picture's side.

    Attributes:
        picture: [h, w, 3] uint8, the heat over the grey target; what is padding is white.
        true_point: where the keypoint is.
        found: where the cosine is largest.
        radius: within which an answer is right.
        facts: what it shows, in numbers: of model, pair, facet and layer.
    """

    picture: np.ndarray
    true_point: np.ndarray
    found: np.ndarray
    radius: float
    facts: dict[str, Any]


def heat_map(maps: ModelMaps, example: int, facet: str, layer: int) -> HeatMap:
    """Return the heat map of one of the keypoints kept, at a layer counted from 1."""
    cosine = maps.array(f"{facet}_cosine")[example, layer - 1].astype(np.float32)
    found, true_point = maps.array(f"{facet}_point")[example, layer - 1], maps.array("target_point")[example]
    radius, area = float(maps.array("radius")[example]), maps.array("target_area")[example]
    shown = _inside(area, cosine.shape)
    facts = {
        "model": maps.model.id, "facet": facet, "layer": layer, "pair": maps.image_ids[example],
        "distance_over_radius": float(np.linalg.norm(found - true_point)) / radius,
        "lowest_cosine": float(cosine[shown].min()), "highest_cosine": float(cosine[shown].max()),
    }  # fmt: skip
    picture = _heat_over(maps.array("target_image")[example], cosine, area)
    return HeatMap(picture, true_point, found, radius, facts)


def photograph(maps: ModelMaps, example: int, end: str) -> np.ndarray:
    """Return the "source" or "target" picture of a keypoint (`end`), [h, w, 3] uint8."""
    return maps.array(f"{end}_image")[example]


def mark_heat(axes: Axes, column: int, heat: HeatMap, framed: bool = False, text: str = "") -> None:
    """Mark in a cell of a row of pictures the true point (dot), the largest cosine (cross) and the radius (white circle).

    Args:
        axes: whose coordinates count cells.
        column: of the cell, from 0.
        heat: what the cell shows.
        framed: in red, as the best layer.
        text: in the corner.
    """
    cell = Rectangle((column, 0), 1, 1, transform=axes.transData)  # nothing may look as if it were of the next map
    for colour, width in ((_OUTLINE, 1.6), ("white", 0.9)):
        circle = Circle((column + heat.true_point[0], heat.true_point[1]), heat.radius, fill=False, edgecolor=colour)
        circle.set(linewidth=width, zorder=3)
        axes.add_patch(circle).set_clip_path(cell)
    for colour, width in ((_OUTLINE, 2.0), (_TRUE, 1.0)):
        style = {"color": colour, "markersize": 4, "markeredgewidth": width, "zorder": 4}
        (cross,) = axes.plot(column + heat.found[0], heat.found[1], "x", **style)
        cross.set_clip_path(cell)
    mark_point(axes, column, heat.true_point, _TRUE)
    if framed:
        axes.add_patch(Rectangle((column + 0.02, 0.02), 0.96, 0.96, fill=False, edgecolor=MARK, linewidth=1.6, zorder=2.5))
    if text:
        box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
        axes.text(column + 0.05, 0.95, text, ha="left", va="bottom", fontsize=5, bbox=box, zorder=6)


def mark_source(axes: Axes, column: int, maps: ModelMaps, example: int) -> None:
    """Mark the keypoint that is looked for."""
    mark_point(axes, column, maps.array("source_point")[example], MARK)


def mark_target(axes: Axes, column: int, maps: ModelMaps, example: int) -> None:
    """Mark where it truly is."""
    mark_point(axes, column, maps.array("target_point")[example], _TRUE)


def mark_point(axes: Axes, column: int, point: Sequence[float] | np.ndarray, colour: str) -> None:
    """Mark a point (x, y), in shares of the side, of the cell in `column`."""
    axes.plot(
        column + point[0], point[1], "o", color=colour, markersize=3, markeredgecolor=_OUTLINE, markeredgewidth=0.4, zorder=4
    )


def _heat_over(photo: np.ndarray, cosine: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return cosines [M, M], scaled to their range within the area, as colours over a grey photograph [h, w, 3]."""
    side = max(len(photo), len(cosine))
    photo, cosine = (_enlarged(image, side) for image in (photo, cosine))
    inside = _inside(area, cosine.shape)
    low, high = cosine[inside].min(), cosine[inside].max()
    heat = matplotlib.colormaps[_HEAT]((cosine - low) / max(high - low, 1e-12))[..., :3]
    grey = photo.mean(-1, keepdims=True) / 255
    mixed = (255 * (_PHOTO * grey + (1 - _PHOTO) * heat)).round().astype(np.uint8)
    return np.where(inside[..., None], mixed, np.uint8(_PAPER))


def _inside(area: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which points of a map [h, w] have their centre in an area (top, left, bottom, right; shares of the side)."""
    y, x = ((np.arange(side) + 0.5) / side for side in shape)
    top, left, bottom, right = area
    return ((top < y) & (y < bottom))[:, None] & ((left < x) & (x < right))


def _enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """Return a square image [s, s, ...] with its pixels repeated up to `side`."""
    places = np.arange(side) * len(image) // side
    return image[places][:, places]
