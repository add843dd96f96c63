"""How far clusters are positions against how well they are classes."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.scatter import draw_scatter


def draw(data: FigureData) -> Drawn:
    """Draw mIoU against NMI of every layer and embedding."""
    scores = ({facet: f"{metric}_{facet}" for facet in FACETS} for metric in ("nmi", "miou"))
    return draw_scatter(data, *scores, ("NMI with position", "mIoU"))
