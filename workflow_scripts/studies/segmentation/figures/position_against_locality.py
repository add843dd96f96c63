"""How far clusters of keys and queries are positions against how local the attention between them is."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.scatter import draw_scatter

FACETS = ("key", "query")


def draw(data: FigureData) -> Drawn:
    """Draw I(K, Q) against NMI, two points a layer."""
    nmi = {facet: f"nmi_{facet}" for facet in FACETS}
    return draw_scatter(data, nmi, dict.fromkeys(FACETS, "locality"), ("NMI with position", "I(K, Q), nats"))
