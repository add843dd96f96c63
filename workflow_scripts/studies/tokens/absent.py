"""A figure that says why there is nothing to show."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from workflow_scripts.figures.data import Drawn
from workflow_scripts.figures.heads import show_nothing


def draw_absent(why: str, columns: Sequence[str] = ("model",)) -> Drawn:
    """Draw that there is none, and why; the figure's CSV has its columns and no row."""
    figure = Figure(figsize=(3.6, 0.6))
    show_nothing(figure.add_axes((0, 0, 1, 1)), f"none: {why}")
    return Drawn(figure, pd.DataFrame(columns=list(columns)))
