"""How well predicted classes of patches segment images: one confusion over a whole validation set, of pixels or of patches.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 3): pixel
accuracy and mIoU. A predicted class fills the cell of its patch. So pixels are counted by class in each cell once
(`data.patch_labels.cell_counts`), and every prediction is scored by these counts; at patch level a cell counts one, for its
majority. IoU is that of `metrics.class_maps`: a class counts unless it neither occurs nor is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workflow_scripts.metrics.class_maps import class_iou, mean_iou


@dataclass(frozen=True)
class SegmentationScores:
    """Scores of one confusion.

    Attributes:
        iou: [C] float64 in 0 to 1; NaN of a class that neither occurs nor is predicted.
        mean_iou: the mean over all other classes; NaN without any.
        accuracy: share of pixels (or patches) whose class is predicted; NaN without any.
    """

    iou: np.ndarray
    mean_iou: float
    accuracy: float


def patch_counts(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return counts [..., C] int64 of patches with labels [...]: one of the label's class, none of a void patch (C or more)."""
    return (labels[..., None] == np.arange(n_classes)).astype(np.int64)


def image_confusions(predicted: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return pixels predicted as class i that are of class j, image by image, [I, C, C] int64. Their sum scores the set.

    Args:
        predicted: [I, P] int, class of each patch, in 0 to C - 1.
        counts: [I, P, C] int, pixels of each class in each patch's cell, void left out; or `patch_counts`.
    """
    images, _, classes = counts.shape
    confusions = np.zeros((images, classes, classes), np.int64)
    np.add.at(confusions, (np.arange(images)[:, None], predicted), counts)
    return confusions


def segmentation_scores(confusion: np.ndarray) -> SegmentationScores:
    """Return the scores of a confusion [C, C], predicted by true class, over a whole validation set."""
    itself = np.arange(len(confusion))  # a predicted class stands for itself
    total = confusion.sum()
    accuracy = float(confusion.trace() / total) if total else float("nan")
    return SegmentationScores(class_iou(confusion, itself), mean_iou(confusion, itself), accuracy)


def largest_share(confusion: np.ndarray) -> float:
    """Return the share of pixels (or patches) with the class that is predicted most often, 0 to 1; NaN without any."""
    predicted = confusion.sum(1)
    return float(predicted.max() / predicted.sum()) if predicted.any() else float("nan")
