"""The horizontal axis of curves over layers: layers, or depth relative to each model's own where models differ in depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.style import layer_axis

RELATIVE = "Depth (layer / number of layers)"
_SHORT = "Relative depth"


@dataclass(frozen=True)
class Depths:
    """One horizontal axis for all panels of a figure.

    Attributes:
        layers: of the deepest model.
        relative: whether the axis counts depth from 0 to 1, because models differ in their number of layers.
    """

    layers: int
    relative: bool

    @classmethod
    def of(cls, models: Sequence[RunModel]) -> Depths:
        """Return the axis on which `models` share one course; the random baseline has no depth."""
        layers = [model.layers for model in models if not model.random]
        return cls(max(layers, default=1), len(set(layers)) > 1)

    @property
    def column(self) -> str:
        """Return the column of a figure's CSV that holds the places on the axis."""
        return "depth" if self.relative else "layer"

    def places(self, model: RunModel, rows: pd.DataFrame) -> np.ndarray:
        """Return where on the axis the layers of `rows` lie."""
        layers = rows["layer"].to_numpy(float)
        return layers / model.layers if self.relative else layers

    def label(self, narrow: bool = False) -> str:
        """Return the name of the axis, a shorter one below a `narrow` panel."""
        return (_SHORT if narrow else RELATIVE) if self.relative else "Layer"

    def number(self, axes: Axes, at_most: int = 12) -> None:
        """Number the axis with `at_most` ticks."""
        if not self.relative:
            layer_axis(axes, self.layers, None, at_most)
            return
        ticks = (0, 0.25, 0.5, 0.75, 1) if at_most > 6 else (0, 0.5, 1)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlim(0, 1.03)
