"""How much patches resemble their neighbours before the first block, those whose tokens become high-norm and the others."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.absent import say_unmeasured
from workflow_scripts.figures.data import Drawn, FigureData, ModelMaps
from workflow_scripts.studies.registers.conditions import HIGH, NEIGHBOURS, NORMAL
from workflow_scripts.studies.registers.kind_colours import KIND_COLOURS, kind_handles
from workflow_scripts.studies.registers.measured import Measured, measured_of
from workflow_scripts.studies.registers.model_grid import lowest, model_grid

_ARRAYS = {NORMAL: "density_normal", HIGH: "density_high"}
_HEIGHT = 1.35  # inches of a panel


def draw(data: FigureData) -> Drawn:
    """Draw a panel per model: the density of cosines by kind of patch, and their means."""
    data = data.without_random()
    every = [measured_of(data, model, "outliers") for model in data.models]
    figure, panels = model_grid(data.models, _HEIGHT, [_means(measured) for measured in every], below=0.4)
    found = {maps.model.id: maps for maps in data.maps["outliers"]}
    frames = [_draw_panel(*one, found) for one in zip(panels, data.models, every, strict=True)]
    for axes in panels:
        axes.set_xlim(-1, 1)
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
    for axes in lowest(panels):
        axes.set_xlabel("Cosine with neighbours")
    figure.legend(handles=kind_handles(_ARRAYS), loc="outside lower center", ncols=2, handlelength=1, handleheight=0.9)
    return Drawn(figure, pd.concat(frames, ignore_index=True))


def _means(measured: Measured) -> str:
    """Return what stands below a model's name."""
    normal, high = (measured.row(NEIGHBOURS, kind) for kind in _ARRAYS)
    if normal is None:
        return ""
    said = f"high-norm {high['value']:.2f}" if high is not None else "no high-norm tokens"
    return f"mean: normal {normal['value']:.2f}, {said}".replace("-0.", "\N{MINUS SIGN}0.")


def _draw_panel(axes: Axes, model: RunModel, measured: Measured, found: dict[str, ModelMaps]) -> pd.DataFrame:
    """Draw the curves of one model; return their points, and the means as rows without a cosine."""
    frames = []
    maps = found.get(model.id)
    for kind, array in _ARRAYS.items():
        if maps is None or array not in maps.names:
            continue
        x, density = maps.array("cosines"), maps.array(array)
        axes.fill_between(x, density, color=KIND_COLOURS[kind], alpha=0.25, linewidth=0)
        axes.plot(x, density, color=KIND_COLOURS[kind], linewidth=1.1)
        said = {"model": model.id, "dataset": "".join(measured.datasets[:1]), "setting": kind}
        frames.append(pd.DataFrame({**said, "metric": "density", "cosine": x, "value": density}))
        if (row := measured.row(NEIGHBOURS, kind)) is not None:
            axes.axvline(row["value"], color=KIND_COLOURS[kind], linestyle=(0, (3, 1.5)), linewidth=0.9)
            frames.append(pd.DataFrame([{**said, "metric": NEIGHBOURS, "value": row["value"]}]))
    if not frames:
        say_unmeasured(axes)
        return pd.DataFrame(columns=["model", "dataset", "setting", "metric", "cosine", "value"])
    return pd.concat(frames, ignore_index=True)
