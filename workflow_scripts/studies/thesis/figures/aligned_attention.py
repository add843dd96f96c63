"""Examples of each kind of attention head, as aligned maps."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import (
    FARTHEST,
    KIND_NAMES,
    aligned_map,
    example,
    kinds,
    pair,
    show_aligned,
    show_nothing,
    with_metric,
)
from workflow_scripts.figures.layout import even_rows, fitting_size, inch_axes, wrap
from workflow_scripts.figures.maps import long_frame
from workflow_scripts.figures.style import PAGE_HEIGHT, PAGE_WIDTH, model_styles

_LEFT, _GAP, _LABEL, _TITLE, _BLOCK = 0.72, 0.07, 0.125, 0.22, 0.12  # inches
_MAX_CELL = 0.82


def draw(data: FigureData) -> Drawn:
    """Draw a grid: rows are kinds of heads, columns models; twelve models at most stand side by side."""
    styles = model_styles(data.models)
    pairs = pair(data, data.maps["attention"])
    blocks = even_rows(len(pairs), at_most=12)
    cell = min(_MAX_CELL, (PAGE_WIDTH - _LEFT - 0.05) / len(blocks[0]) - _GAP)
    aspect = max(maps.rows / maps.columns for _, maps in pairs)
    kinds_height = PAGE_HEIGHT / len(blocks) - _TITLE - _BLOCK
    cell = max(0.2, min(cell, (kinds_height / len(KIND_NAMES) - _LABEL - _GAP) / aspect))
    size = fitting_size((maps.model.display_name for _, maps in pairs), cell + _GAP, 7)
    title_lines = max(wrap(maps.model.display_name, cell + _GAP, size).count("\n") + 1 for _, maps in pairs)
    title_height = _TITLE + 0.11 * (title_lines - 1)
    row = cell * aspect + _LABEL + _GAP
    block = title_height + len(KIND_NAMES) * row + _BLOCK
    figure = Figure(figsize=(_LEFT + len(blocks[0]) * (cell + _GAP) + 0.05, len(blocks) * block))
    frames = []
    for b, places in enumerate(blocks):
        top = b * block + title_height
        for k, name in enumerate(KIND_NAMES.values()):
            middle = top + k * row + _LABEL + cell * aspect / 2
            text = name.replace(" ", "\n")
            figure.text(0.06 / figure.get_figwidth(), 1 - middle / figure.get_figheight(), text, va="center", fontsize=7.5)
        for c, place in enumerate(places):
            table, maps = pairs[place]
            heads = with_metric(kinds(table), table, "attention_distance", *FARTHEST.values())
            left = _LEFT + c * (cell + _GAP)
            title = wrap(maps.model.display_name, cell + _GAP, size)
            figure.text(
                (left + cell / 2) / figure.get_figwidth(),
                1 - (top - 0.03) / figure.get_figheight(),
                title,
                ha="center",
                va="bottom",
                fontsize=size,
                weight="bold",
                color=styles[maps.model.id].text,
                linespacing=1.0,
            )
            for k, kind in enumerate(KIND_NAMES):
                height = cell * maps.rows / maps.columns
                shift = (cell * aspect - height) / 2
                axes = inch_axes(figure, left, top + k * row + _LABEL + shift, cell, height)
                chosen = example(heads, kind)
                if chosen is None:
                    show_nothing(axes, "none")
                    continue
                layer, head = int(chosen["layer"]), int(chosen["head"])
                shown = aligned_map(maps, layer, head)
                show_aligned(axes, shown, marked=kind in FARTHEST)
                axes.set_title(f"[{layer}, {head}]", fontsize=5.5, pad=1.5)
                frame = long_frame(maps.model, shown[None, None], [layer], [head], centred=True)
                frame.insert(1, "kind", kind)
                frames.append(frame)
    return Drawn(figure, pd.concat(frames, ignore_index=True))
