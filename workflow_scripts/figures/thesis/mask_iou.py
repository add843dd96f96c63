"""Overlap of CLS and patch-token attention with object masks, by layer, for the best head."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels

SETTING = "max over heads per image, then mean"
LABEL = "IoU with object masks, best head"
PANELS = (
    Panel("CLS token", Curve("mask_iou_cls", heads="best", setting=SETTING), LABEL),
    Panel("Patch tokens", Curve("mask_iou_spatial", heads="best", setting=SETTING), LABEL),
)


def draw(data: FigureData) -> Drawn:
    """Draw CLS attention on the left, patch tokens on the right; one row of panels per dataset."""
    return draw_panels(data, [PANELS])
