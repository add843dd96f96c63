"""The demo world on one page: images by class, their ground truth, and a clip with its tracks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from safetensors import SafetensorError, safe_open

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.figures.layout import inch_axes
from workflow_scripts.figures.maps import show_cells
from workflow_scripts.figures.style import QUIET, page_width

IMAGES_PER_CLASS = 5
_NOTHING = "#f1f1f1"  # no object, no part
_OBJECTS = ("#2f7fc1", "#e69f00", "#cf3a20", "#005f52", "#8d6bb1", "#6b6b6b")  # by number of the object in its image
_STUFF = ("#8cc7ee", "#a8a06c", "#3f7d4e", "#b5654a", "#b98d5a", "#9bcf5f", "#ecd58c", "#6f7480", "#2f6fb0", "#c9a6d9")
_MORE_PARTS = ("#393b79", "#8c6d31", "#843c39", "#637939")  # beyond the twenty of matplotlib's tab20
_LABEL, _EDGE, _HEAD, _GAP, _LEGEND_LINE = 0.62, 0.05, 0.2, 0.08, 0.15  # inches


@dataclass(frozen=True)
class World:
    """Scenes and clips of the demo world.

    Attributes:
        image: [N, h, w, 3] uint8.
        label: [N] class of each image.
        truth: "object", "stuff" and "part" masks, each [N, h, w] uint8; 0 is none.
        classes: names by label.
        names: names by id of "stuff" and of "part"; id 0 is none.
        clip: [C, F, h, w, 3] uint8.
        tracks: [C, F, h, w] uint8, the same id for the same object in all frames.
    """

    image: np.ndarray
    label: np.ndarray
    truth: dict[str, np.ndarray]
    classes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]
    clip: np.ndarray
    tracks: np.ndarray


def load_world(images: Path, clips: Path) -> World:
    """Read a split and the clips of the demo world.

    Raises:
        AtlasError: a file is not of the demo world.
    """
    scenes, header = _read(images, ("image", "label", "object", "stuff", "part"), ("classes", "parts", "stuff"))
    films, _ = _read(clips, ("image", "object"), ())
    truth = {name: scenes[name] for name in ("object", "stuff", "part")}
    names = {"stuff": tuple(header["stuff"]), "part": tuple(header["parts"])}
    return World(scenes["image"], scenes["label"], truth, tuple(header["classes"]), names, films["image"], films["object"])


def draw(world: World) -> Figure:
    """Draw one column per class: images, then the ground truth of the last of them; below, one clip and its tracks."""
    shown = [np.flatnonzero(world.label == c)[:IMAGES_PER_CLASS] for c in range(len(world.classes))]
    columns = len(world.classes)
    cell = (page_width() - _LABEL - _EDGE) / columns
    frames = _spaced(world.clip.shape[1], columns)
    legends = [_legend(world, "stuff"), _legend(world, "part")]
    per_line = 9
    lines = [-(-len(handles) // per_line) for handles in legends]
    n_truth = len(world.truth)
    height = _HEAD + (IMAGES_PER_CLASS + n_truth + 2) * cell + 2 * _GAP + sum(lines) * _LEGEND_LINE + 0.22
    figure = Figure(figsize=(page_width(), height))

    top = _HEAD
    axes = inch_axes(figure, _LABEL, top, columns * cell, IMAGES_PER_CLASS * cell)
    show_cells(axes, _tiles(world.image, _by_row(shown, IMAGES_PER_CLASS)), IMAGES_PER_CLASS, columns)
    axes.set(xticks=[], yticks=[])
    for column, name in enumerate(world.classes):
        axes.text(column + 0.5, -0.1, name, ha="center", va="bottom", fontsize=7.5, weight="bold")
    _row_name(axes, IMAGES_PER_CLASS / 2, "Images")

    top += IMAGES_PER_CLASS * cell + _GAP / 2
    last = [[int(indices[-1]) if len(indices) else None for indices in shown]]
    axes = inch_axes(figure, _LABEL, top, columns * cell, n_truth * cell)
    rows = [_tiles(_paint(masks, _palette(world, kind)), last) for kind, masks in world.truth.items()]
    show_cells(axes, np.concatenate(rows), n_truth, columns)
    axes.set(xticks=[], yticks=[])
    for row, name in enumerate(("Objects", "Stuff", "Parts")):
        _row_name(axes, row + 0.5, name)

    top += n_truth * cell + _GAP
    axes = inch_axes(figure, _LABEL, top, len(frames) * cell, 2 * cell)
    clip = _tiles(world.clip[0], [frames])
    tracks = _tiles(_paint(world.tracks[0], _palette(world, "object")), [frames])
    show_cells(axes, np.concatenate([clip, tracks]), 2, len(frames))
    axes.set(xticks=[], yticks=[])
    _row_name(axes, 0.5, "Clip")
    _row_name(axes, 1.5, "Tracks")

    top += 2 * cell + _GAP
    for name, handles, count in zip(("Stuff", "Parts"), legends, lines, strict=True):
        _draw_legend(figure, name, handles, per_line, top)
        top += count * _LEGEND_LINE + 0.08
    return figure


def _read(path: Path, arrays: Sequence[str], keys: Sequence[str]) -> tuple[dict[str, np.ndarray], dict]:
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            missing = [name for name in arrays if name not in list(file.keys())] + [k for k in keys if k not in header]
            if missing:
                raise AtlasError(f"{path}: not of the demo world: no {', '.join(missing)}; delete it and run again")
            return {name: file.get_tensor(name) for name in arrays}, {key: json.loads(header[key]) for key in keys}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise AtlasError(f"{path}: cannot be read ({error}); delete it and run again") from None


def _spaced(count: int, at_most: int) -> list[int]:
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, at_most))})


def _by_row(shown: Sequence[np.ndarray], rows: int) -> list[list[int | None]]:
    return [[int(indices[row]) if row < len(indices) else None for indices in shown] for row in range(rows)]


def _tiles(images: np.ndarray, places: Sequence[Sequence[int | None]]) -> np.ndarray:
    """Lay images [N, h, w, 3] out by index; None leaves a white tile."""
    blank = np.full_like(images[0], 255)
    return np.concatenate([np.concatenate([blank if i is None else images[i] for i in row], 1) for row in places])


def _palette(world: World, kind: str) -> np.ndarray:
    """Return the colour of each id of `kind`, [K, 3] uint8."""
    if kind == "object":
        count = max(int(world.truth["object"].max()), int(world.tracks.max()))
        colours = [_OBJECTS[i % len(_OBJECTS)] for i in range(count)]
    else:
        known = len(world.names[kind]) - 1
        cycle = _STUFF if kind == "stuff" else [*matplotlib.color_sequences["tab20"], *_MORE_PARTS]
        colours = [cycle[i % len(cycle)] for i in range(max(known, int(world.truth[kind].max())))]
    return (255 * np.array([to_rgb(c) for c in (_NOTHING, *colours)])).round().astype(np.uint8)


def _paint(masks: np.ndarray, palette: np.ndarray) -> np.ndarray:
    return palette[masks]


def _legend(world: World, kind: str) -> list[Patch]:
    palette = _palette(world, kind) / 255
    return [Patch(color=palette[i], label=name) for i, name in enumerate(world.names[kind]) if i > 0]


def _draw_legend(figure: Figure, name: str, handles: list[Patch], columns: int, top: float) -> None:
    width, height = figure.get_size_inches()
    y = 1 - top / height
    figure.text((_LABEL - 0.07) / width, y + 0.045 / height, name, ha="right", va="top", fontsize=7.5, color=QUIET)
    # Fill rows first: matplotlib fills columns, so the handles are dealt out again.
    n_rows = -(-len(handles) // columns)
    dealt = [handles[row * columns + c] for c in range(columns) for row in range(n_rows) if row * columns + c < len(handles)]
    figure.add_artist(
        figure.legend(
            handles=dealt,
            loc="upper left",
            bbox_to_anchor=(_LABEL / width, y + 0.03 / height),
            ncols=columns,
            borderpad=0,
            borderaxespad=0,
            handlelength=0.9,
            handleheight=0.9,
            handletextpad=0.4,
            columnspacing=0.9,
            labelspacing=0.35,
            fontsize=6.5,
        )
    )


def _row_name(axes: Axes, row: float, name: str) -> None:
    axes.annotate(name, (0, row), (-5, 0), textcoords="offset points", ha="right", va="center", fontsize=7.5, color=QUIET)
