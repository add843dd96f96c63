"""Share of each kind of head by layer, one panel of stacked bars per model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.heads import KIND_NAMES, kinds
from workflow_scripts.figures.layout import wrap
from workflow_scripts.figures.style import PAGE_WIDTH, layer_axis, model_styles

# From dark (local) to light (global), so that the order reads without hue; sparse heads are hatched.
_COLOURS = dict(zip(KIND_NAMES, ("#1d2a4d", "#31618f", "#6fa3c7", "#d1495b", "#f0a899", "#e3dcc9", "#a58fb8"), strict=True))
_HATCHES = {"offset_local": "//", "sparse_repeating": ".."}


def draw(data: FigureData) -> Drawn:
    """Draw one panel per model but the random baseline."""
    styles = model_styles(data.models)
    shown = [table for table in data.tables if not table.model.random]
    columns = min(len(shown), 5 if len(shown) > 8 else 4)
    n_rows = -(-len(shown) // columns)
    width = max(3.4, PAGE_WIDTH * min(columns, 4) / 4)
    figure = Figure(figsize=(width, 1.28 * n_rows + 0.55), layout="constrained")
    grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.remove()
    frames = []
    for axes, table in zip(grid.flat, shown, strict=False):
        shares = kind_shares(kinds(table))
        layers = shares.index.to_numpy()
        bottom = np.zeros(len(layers))
        for kind in KIND_NAMES:
            axes.bar(layers, shares[kind], 0.86, bottom, color=_COLOURS[kind], hatch=_HATCHES.get(kind), linewidth=0)
            bottom += shares[kind].to_numpy()
        layer_axis(axes, int(layers.max()), None, at_most=6 if columns > 4 else 12)
        axes.set_xlim(0.4, layers.max() + 0.6)
        axes.set(ylim=(0, 1), yticks=(0, 0.5, 1), yticklabels=("0", "50 %", "100 %"))
        colour = styles[table.model.id].text
        title = wrap(table.model.display_name, width / columns - 0.25, 7)
        axes.set_title(title, color=colour, fontsize=7, weight="bold", loc="left", pad=3, linespacing=1.0)
        long = shares.rename_axis("layer").reset_index().melt("layer", var_name="kind", value_name="share")
        long.insert(0, "model", table.model.id)
        long.insert(1, "display_name", table.model.display_name)
        frames.append(long.sort_values(["layer", "kind"], kind="stable"))
    handles = [
        Patch(facecolor=_COLOURS[kind], hatch=_HATCHES.get(kind), linewidth=0, label=name) for kind, name in KIND_NAMES.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4 if columns > 2 else 3, handlelength=1.4)
    figure.supylabel("Share of heads", fontsize=7.5)
    figure.supxlabel("Layer", fontsize=7.5)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def kind_shares(heads: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each kind per layer: index layer, one column per kind, rows sum to 1."""
    counts = pd.crosstab(heads["layer"], heads["kind"]).reindex(columns=list(KIND_NAMES), fill_value=0)
    return counts.div(counts.sum(axis=1), axis=0)
