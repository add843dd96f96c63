"""The head of every model that is offset most, as aligned maps, with its offset; marked where it is not local by our rule."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import FARTHEST, aligned_map, kinds, pair, show_aligned, strongest_offset, with_metric
from workflow_scripts.figures.layout import even_rows, inch_axes, wrap
from workflow_scripts.figures.maps import map_frame
from workflow_scripts.figures.style import INK, PAGE_HEIGHT, model_styles, page_width

_EDGE, _GAP, _TITLE, _LABEL = 0.06, 0.12, 0.22, 0.48  # inches
_MAX_CELL = 1.25
_ENDS = ("x", "y", "distance")
_OFFSETS = {kind: metric.removesuffix("distance") for kind, metric in FARTHEST.items()}  # of the maximum, of the centre of mass
_LOCAL = "offset_local"


def draw(data: FigureData) -> Drawn:
    """Draw one map per model, at most seven side by side."""
    styles = model_styles(data.models)
    pairs = pair(data, data.maps["attention"])
    across = len(even_rows(len(pairs), at_most=7)[0])
    cell = min(_MAX_CELL, (page_width() - 2 * _EDGE + _GAP) / across - _GAP)
    aspect = max(maps.rows / maps.columns for _, maps in pairs)
    titles = {maps.model.id: wrap(maps.model.display_name, cell + _GAP) for _, maps in pairs}
    title_height = _TITLE + 0.115 * max(title.count("\n") for title in titles.values())
    line = title_height + cell * aspect + _LABEL
    frames, pages = [], []
    for places in even_rows(len(pairs), across * int(PAGE_HEIGHT / line)):
        own = [pairs[place] for place in places]
        figure = Figure(figsize=(2 * _EDGE + across * (cell + _GAP) - _GAP, -(-len(own) // across) * line))
        for place, (table, maps) in enumerate(own):
            row, column = divmod(place, across)
            heads = with_metric(kinds(table), table, *(f"{offset}{end}" for offset in _OFFSETS.values() for end in _ENDS))
            chosen = strongest_offset(heads)
            height = cell * maps.rows / maps.columns
            top = row * line + title_height + (cell * aspect - height)
            axes = inch_axes(figure, _EDGE + column * (cell + _GAP), top, cell, height)
            look = {"weight": "bold", "linespacing": 1.0, "color": styles[maps.model.id].text}
            axes.set_title(titles[maps.model.id], fontsize=7.5, pad=3, **look)
            layer, head, kind = int(chosen["layer"]), int(chosen["head"]), chosen["kind"]
            shown = aligned_map(maps, layer, head)
            show_aligned(axes, shown, marked=True)
            offset = {f"offset_{end}": chosen[f"{_OFFSETS.get(kind, _OFFSETS[_LOCAL])}{end}"] for end in _ENDS}
            label = f"[{layer}, {head}]\nx {_signed(offset['offset_x'])}, y {_signed(offset['offset_y'])}"
            label += "" if kind == _LOCAL else "\nnot local by our rule"
            axes.set_xlabel(label, fontsize=6, color=INK, labelpad=3, linespacing=1.15)
            same = {"kind": kind, **offset, "n": maps.n_images, "n_of": "images"}
            frames.append(map_frame(maps, "aligned", shown[None, None], [layer], [head], **same))
        pages.append(figure)
    return Drawn(pages[0], pd.concat(frames, ignore_index=True), tuple(pages[1:]))


def _signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
