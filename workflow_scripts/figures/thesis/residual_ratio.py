"""Norms of skip connections over norms of branches, by layer."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels

PARTS = {"attention": "Attention", "mlp": "MLP"}
TOKENS = {"cls": "CLS token", "spatial": "patch tokens", "all": "all tokens"}


def draw(data: FigureData) -> Drawn:
    """Draw attention in the first row, the MLP in the second; columns are the CLS token, patch tokens and all tokens."""
    rows = [
        [
            Panel(f"{name}, {tokens}", Curve("skip_branch_ratio", facet=part, setting=setting), "Norm ratio, skip / branch")
            for setting, tokens in TOKENS.items()
        ]
        for part, name in PARTS.items()
    ]
    return draw_panels(data.without_random(), rows, ratio=True)
