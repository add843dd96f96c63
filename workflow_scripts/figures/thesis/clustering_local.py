"""Purity of clusters of objects and of parts, by layer."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels


def panels(setting: str) -> tuple[Panel, Panel]:
    """Return the panels of objects and of parts for features extracted by `setting`, "normal" or "dense"."""
    return (
        Panel("Objects", Curve("purity", facet="object", setting=setting), "Cluster purity"),
        Panel("Parts", Curve("purity", facet="part", setting=setting), "Cluster purity"),
    )


def draw(data: FigureData) -> Drawn:
    """Draw objects on the left, parts on the right, each with its own scale."""
    return draw_panels(data, [panels("normal")], share_y=False)
