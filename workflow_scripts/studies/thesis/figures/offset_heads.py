"""The strongest offset local head of every model, as aligned maps; of a model without one its most displaced head."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import (
    FARTHEST,
    aligned_map,
    example,
    kinds,
    pair,
    show_aligned,
    show_nothing,
    with_metric,
)
from workflow_scripts.figures.layout import even_rows, inch_axes, wrap
from workflow_scripts.figures.maps import long_frame
from workflow_scripts.figures.style import INK, PAGE_WIDTH, model_styles

_EDGE, _GAP, _TITLE, _LABEL = 0.06, 0.12, 0.22, 0.36  # inches
_MAX_CELL = 1.25
_ENDS = ("x", "y", "distance")
_COLUMNS = ("model", "layer", "head", "row", "column", "value", "kind", "offset_x", "offset_y", "offset_distance")
# Which offset is shown: that of the maximum, or of the centre of mass of what is spread.
_OFFSETS = {kind: metric.removesuffix("distance") for kind, metric in FARTHEST.items()}


def draw(data: FigureData) -> Drawn:
    """Draw one map per model, at most seven side by side; a model with neither kind of head says "none found"."""
    styles = model_styles(data.models)
    pairs = pair(data, data.maps["attention"])
    lines = even_rows(len(pairs), at_most=7)
    cell = min(_MAX_CELL, (PAGE_WIDTH - 2 * _EDGE + _GAP) / len(lines[0]) - _GAP)
    aspect = max(maps.rows / maps.columns for _, maps in pairs)
    title_lines = max(wrap(maps.model.display_name, cell + _GAP).count("\n") + 1 for _, maps in pairs)
    title_height = _TITLE + 0.115 * (title_lines - 1)
    line = title_height + cell * aspect + _LABEL
    figure = Figure(figsize=(2 * _EDGE + len(lines[0]) * (cell + _GAP) - _GAP, len(lines) * line))
    frames = [pd.DataFrame(columns=_COLUMNS)]
    for row, places in enumerate(lines):
        for column, place in enumerate(places):
            table, maps = pairs[place]
            heads = with_metric(kinds(table), table, *(f"{offset}{end}" for offset in _OFFSETS.values() for end in _ENDS))
            height = cell * maps.rows / maps.columns
            top = row * line + title_height + (cell * aspect - height)
            axes = inch_axes(figure, _EDGE + column * (cell + _GAP), top, cell, height)
            axes.set_title(
                wrap(maps.model.display_name, cell + _GAP), fontsize=7.5, weight="bold", pad=3, linespacing=1.0,
                color=styles[maps.model.id].text,
            )  # fmt: skip
            chosen = next((head for kind in _OFFSETS if (head := example(heads, kind)) is not None), None)
            if chosen is None:
                show_nothing(axes, "none found")
                continue
            layer, head, kind = int(chosen["layer"]), int(chosen["head"]), chosen["kind"]
            shown = aligned_map(maps, layer, head)
            show_aligned(axes, shown, marked=True)
            offset = {f"offset_{end}": chosen[f"{_OFFSETS[kind]}{end}"] for end in _ENDS}
            spread = "" if kind == "offset_local" else ", spread"
            label = f"[{layer}, {head}]{spread}\nx {_signed(offset['offset_x'])}, y {_signed(offset['offset_y'])}"
            axes.set_xlabel(label, fontsize=6, color=INK, labelpad=3, linespacing=1.15)
            frame = long_frame(maps.model, shown[None, None], [layer], [head], centred=True)
            frames.append(frame.assign(kind=kind, **offset))
    return Drawn(figure, pd.concat(frames[1:] or frames, ignore_index=True))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
