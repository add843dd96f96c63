"""Tasks on places in images with patch tokens, by layer: video object segmentation and keypoint correspondence."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels

KEYPOINTS = Panel("Keypoint correspondence", Curve("pck_0.1", facet="token", setting="thesis rule"), "PCK@0.1")


def video(data: FigureData) -> Panel:
    """Return the panel of video segmentation: of densely extracted tokens as in the study, if the run has them."""
    settings = {setting for table in data.tables for setting in table.settings("jf_mean")}
    setting = "normal" if settings == {"normal"} else "dense"
    return Panel(f"Video object segmentation, {setting}", Curve("jf_mean", facet="token", setting=setting), "J&F mean")


def draw(data: FigureData) -> Drawn:
    """Draw video object segmentation on the left, keypoint correspondence on the right, each with its own scale."""
    return draw_panels(data, [(video(data), KEYPOINTS)], share_y=False)
