"""Share of each kind of head by layer, one panel of stacked bars per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.figures.data import Drawn, FigureData, ModelTable
from workflow_scripts.figures.depth import Depths
from workflow_scripts.figures.heads import KIND_NAMES, kinds
from workflow_scripts.figures.layout import even_rows, wrap
from workflow_scripts.figures.style import PAGE_HEIGHT, model_styles, page_width

# From dark (local) to light (global), so that the order reads without hue; sparse heads are hatched.
_COLOURS = dict(zip(KIND_NAMES, ("#14213d", "#3f7fb5", "#a9d0e8", "#d1495b", "#f0a899", "#e3dcc9", "#a58fb8"), strict=True))
_ROW, _LEGEND = 1.28, 0.65  # inches
_HATCHES = {"offset_local": "//", "sparse_repeating": ".."}


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model but the random baseline."""
    shown = [table for table in data.tables if not table.model.random]
    columns = min(len(shown), 5 if len(shown) > 8 else 4)
    width = max(3.4, page_width() * min(columns, 4) / 4)
    down = int((PAGE_HEIGHT - _LEGEND) / _ROW)
    shares = {table.model.id: kind_shares(kinds(table)) for table in shown}
    pages = [
        _page(data, [shown[place] for place in places], shares, columns, width)
        for places in even_rows(len(shown), columns * down)
    ]
    frames = []
    for table in shown:
        long = shares[table.model.id].rename_axis("layer").reset_index().melt("layer", var_name="kind", value_name="share")
        long.insert(0, "model", table.model.id)
        long.insert(1, "display_name", table.model.display_name)
        frames.append(long.sort_values(["layer", "kind"], kind="stable"))
    return Drawn(pages[0], pd.concat(frames, ignore_index=True).assign(unit="share of heads"), tuple(pages[1:]))


def _page(
    data: FigureData, shown: Sequence[ModelTable], shares: Mapping[str, pd.DataFrame], columns: int, width: float
) -> Figure:
    styles, depths = model_styles(data.models), Depths.of(data.models)
    n_rows = -(-len(shown) // columns)
    figure = Figure(figsize=(width, _ROW * n_rows + _LEGEND), layout="constrained")
    grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    for place, (axes, table) in enumerate(zip(grid.flat, shown, strict=False)):
        axes.set_xlabel(depths.label(narrow=True) if place + columns >= len(shown) else "")
        own = shares[table.model.id]
        step = 1 / table.model.layers if depths.relative else 1
        places, bottom = step * own.index.to_numpy(), np.zeros(len(own))
        for kind in KIND_NAMES:
            axes.bar(places, own[kind], 0.86 * step, bottom, color=_COLOURS[kind], hatch=_HATCHES.get(kind), linewidth=0)
            bottom += own[kind].to_numpy()
        depths.number(axes, at_most=6 if columns > 4 else 12)
        axes.set_xlim(*((0, 1.05) if depths.relative else (0.4, depths.layers + 0.6)))
        axes.set(ylim=(0, 1), yticks=(0, 0.5, 1), yticklabels=("0", "0.5", "1"))
        title = wrap(table.model.display_name, width / columns - 0.25, 7)
        look = {"color": styles[table.model.id].text, "weight": "bold", "linespacing": 1.0}
        axes.set_title(title, fontsize=7, loc="left", pad=3, **look)
    handles = [
        Patch(facecolor=_COLOURS[kind], hatch=_HATCHES.get(kind), linewidth=0, label=name) for kind, name in KIND_NAMES.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if columns > 2 else 3, handlelength=1.4)
    figure.supylabel("Share of heads", fontsize=7.5)
    return figure


def kind_shares(heads: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each kind per layer: index layer, one column per kind, rows sum to 1."""
    counts = pd.crosstab(heads["layer"], heads["kind"]).reindex(columns=list(KIND_NAMES), fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)
