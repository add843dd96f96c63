"""Examples of each kind of attention head, as ratios of aligned maps to uniform attention."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.thesis.figures.aligned_attention import draw_examples


def draw(data: FigureData) -> Drawn:
    """Draw the grid of `aligned_attention` without the pyramid that uniform attention draws."""
    return draw_examples(data, ratio=True)
