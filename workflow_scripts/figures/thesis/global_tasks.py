"""Tasks on whole images with the CLS token, by layer: k-NN classification and image retrieval."""

from __future__ import annotations

from workflow_scripts.figures.curves import Curve
from workflow_scripts.figures.data import Drawn, FigureData
from workflow_scripts.figures.panels import Panel, draw_panels

KNN = Panel("k-NN classification, k = 20", Curve("knn_top1", facet="cls", setting="k = 20"), "Top-1 accuracy")
RETRIEVAL = Panel(
    "Image retrieval, medium", Curve("mean_average_precision", facet="cls", setting="medium"), "Mean average precision"
)


def draw(data: FigureData) -> Drawn:
    """Draw k-NN classification on the left, image retrieval on the right, each with its own scale."""
    return draw_panels(data, [(KNN, RETRIEVAL)], share_y=False)
