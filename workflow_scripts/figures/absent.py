"""A figure, or a panel of one, that says why there is nothing to show."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.heads import show_nothing
from workflow_scripts.figures.style import QUIET


def draw_absent(why: str, columns: Sequence[str] = ("model",)) -> Drawn:
    """Draw that there is none, and why; the figure's CSV has its columns and no row."""
    figure = Figure(figsize=(3.6, 0.6))
    show_nothing(figure.add_axes((0, 0, 1, 1)), f"none: {why}")
    return Drawn(figure, pd.DataFrame(columns=list(columns)))


def say_unmeasured(axes: Axes) -> None:
    """Say in a panel that its model was not measured so; the ticks stay, which it may share with other panels."""
    style = {"ha": "center", "va": "center", "color": QUIET, "fontsize": 6.5}
    axes.text(0.5, 0.5, "none: not measured", transform=axes.transAxes, **style)
