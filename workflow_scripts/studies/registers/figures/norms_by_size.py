"""Norms of the patch tokens of the last layer by size of the model, of one method."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import SIZES, RunModel
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.layout import even_rows
from workflow_scripts.figures.style import QUIET, model_styles
from workflow_scripts.studies.registers.histogram_panels import (
    DENSITY,
    X_LABEL,
    draw_histogram,
    highest,
    name_axes,
    panel_page,
)
from workflow_scripts.studies.registers.methods import DINOV2, has_registers
from workflow_scripts.studies.registers.norm_measures import TOKEN, norms_of


def draw(data: FigureData) -> Drawn:
    """Draw a panel per size, all with the same axes."""
    data = data.without_random()
    styles, frames = model_styles(data.models), []
    by_id = {own.model.id: own for own in norms_of(data)}
    chosen = [by_id[model.id] for model in of_sizes([own.model for own in by_id.values()])]
    figure, panels = panel_page(
        [(own.model.display_name, styles[own.model.id].text) for own in chosen], len(even_rows(len(chosen), 4)[0])
    )
    histograms, lows, highs = [own.patches() for own in chosen], [], []
    for axes, own, histogram in zip(panels, chosen, histograms, strict=True):
        above = own.above()
        draw_histogram(axes, histogram, styles[own.model.id].colour, above)
        frames.append(histogram.frame(own.model, own.last, TOKEN).assign(cutoff=above.cutoff, share_above=above.share))
        lows.append(axes.get_ylim()[0])
        highs.append(axes.get_ylim()[1])
    for axes in panels:
        axes.set(xlim=(0, 1.03 * highest(histograms)), ylim=(min(lows), max(highs)))
    if len(chosen) == 1:
        text = f"the run has one size\nof {chosen[0].model.method or 'its method'}"
        style = {"ha": "right", "va": "top", "fontsize": 6.5, "color": QUIET}
        panels[0].text(0.99, 0.86, text, transform=panels[0].transAxes, **style)
    name_axes(figure, X_LABEL, DENSITY)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def of_sizes(models: Sequence[RunModel]) -> list[RunModel]:
    """Return the models of one method, smallest first: DINOv2 if there are several sizes of it, else of which there are most.

    Models with registers count only where there are no others.
    """
    plain = [model for model in models if not has_registers(model)] or list(models)
    by_method = {model.method: [one for one in plain if one.method == model.method] for model in plain}
    sizes = {method: len({model.size or model.architecture for model in own}) for method, own in by_method.items()}
    most = max(by_method, key=lambda method: (sizes[method] > 1 and method == DINOV2, sizes[method], method == DINOV2))
    return sorted(by_method[most], key=lambda model: SIZES.index(model.size) if model.size else len(SIZES))
