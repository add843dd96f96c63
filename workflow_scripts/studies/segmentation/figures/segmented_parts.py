"""Animals segmented into parts by the keys of every model at its best layer."""

from __future__ import annotations

from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.studies.segmentation.figures import segmented_images


def draw(data: FigureData) -> Drawn:
    """Draw as `segmented_images`."""
    return segmented_images.draw(data, "parts", "parts_miou_key")
