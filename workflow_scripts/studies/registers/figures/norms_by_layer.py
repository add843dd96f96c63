"""Norms of the patch tokens of every layer, model by model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.log_scale import log_scale
from workflow_scripts.figures.style import COLOUR_MAP, layer_ticks, model_styles
from workflow_scripts.studies.registers.conditions import PATCH
from workflow_scripts.studies.registers.histogram_panels import CUT, X_LABEL, name_axes, panel_page
from workflow_scripts.studies.registers.norm_measures import TOKEN, Histogram, Norms, norms_of


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model: layers across, norms up on a logarithmic axis, the number of tokens as colour."""
    data = data.without_random()
    styles, every = model_styles(data.models), norms_of(data)
    figure, panels = panel_page([(own.model.display_name, styles[own.model.id].text) for own in every], sharey=True)
    spans = []
    colours = LogNorm(1, max(2, *(own.by_layer.max() for own in every)))
    for axes, own in zip(panels, every, strict=True):
        bins = np.flatnonzero(own.by_layer.any(0))
        low, high = bins.min(initial=len(own.edges) - 2), bins.max(initial=0) + 1
        counts = np.ma.masked_equal(own.by_layer[:, low:high].T, 0)
        edges = own.edges[low : high + 1].copy()
        edges[0] = edges[0] or edges[1] / 2  # a logarithmic axis has no zero
        across = np.arange(own.last + 1) + 0.5
        mesh = axes.pcolormesh(across, edges, counts, cmap=COLOUR_MAP, norm=colours, rasterized=True, linewidth=0)
        axes.set_xlim(0.5, own.last + 0.5)
        spans.append((edges[0], edges[-1]))
        axes.set_xticks(layer_ticks(own.last, 8))
        if (cutoff := own.above().cutoff) is not None:
            axes.axhline(cutoff, **CUT)
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    log_scale(panels[0].yaxis, low, high)
    panels[0].set_ylim(low, high)
    bar = figure.colorbar(mesh, ax=panels, fraction=0.03, pad=0.01, aspect=40)
    bar.set_label("Patch tokens", fontsize=7)
    bar.outline.set_visible(False)
    log_scale(bar.ax.yaxis, 1, colours.vmax)
    name_axes(figure, "Layer", X_LABEL)
    return Drawn(figure, pd.concat([_frame(own) for own in every], ignore_index=True))


def _frame(own: Norms) -> pd.DataFrame:
    layers = enumerate(own.by_layer, 1)
    return pd.concat([Histogram(PATCH, own.edges, counts).frame(own.model, layer, TOKEN) for layer, counts in layers])
