"""How well clusters of pixels are classes: matching of clusters with classes, and IoU, from counts over a whole test set.

The protocol of unsupervised semantic segmentation (Ji et al. 2019, Cho et al. 2021, Hamilton et al. 2022, Hahn et al. 2024) as
in Yu et al. (arXiv 2605.29691v1, section 3.1): one count matrix over all pixels of all images, one matching, one IoU a class.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

LEFT_OVER = -1  # the class of a cluster that stands for none


def match_clusters(counts: np.ndarray) -> np.ndarray:
    """Return the class that each cluster stands for, so that as many pixels as can be lie in a cluster of their class.

    With as many clusters as classes this is a one-to-one assignment. With more clusters every class has one cluster of its
    own, and each cluster that is left over joins the class that it overlaps most (public code of Hahn et al., PriMaPs; of
    equals the first class). With fewer, some classes stand without a cluster.

    Args:
        counts: [K, C], pixels of class c in cluster k, void pixels left out.

    Returns:
        [K] int64 classes; `LEFT_OVER` for a cluster without pixels that no class was matched with.
    """
    clusters, classes = linear_sum_assignment(counts, maximize=True)
    named = np.where(counts.any(1), counts.argmax(1), LEFT_OVER)
    named[clusters] = classes
    return named


def confusion(counts: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Return [C, C] float64: pixels predicted as class i (by the class of their cluster) that are of class j.

    Args:
        counts: [K, C] as for `match_clusters`.
        named: [K] class of each cluster; pixels of a cluster without one are predicted as none, and so missed.
    """
    merged = np.zeros((counts.shape[1], counts.shape[1]))
    kept = named != LEFT_OVER
    np.add.at(merged, named[kept], counts[kept])
    return merged


def class_iou(counts: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Return the intersection over union of each class, [C] float64 in 0 to 1.

    TP / (TP + FP + FN) over all pixels. A class that never occurs but has pixels in its cluster has IoU 0 and counts; NaN,
    which is left out of means, only where there is neither (public code of Hamilton et al., STEGO).

    Args:
        counts: [K, C] as for `match_clusters`.
        named: [K] class of each cluster.
    """
    merged = confusion(counts, named)
    hit = merged.diagonal()
    union = merged.sum(1) + counts.sum(0) - hit
    return np.divide(hit, union, out=np.full(len(hit), np.nan), where=union > 0)


def mean_iou(counts: np.ndarray, named: np.ndarray) -> float:
    """Return the mean IoU over the classes that have one, in 0 to 1 (the paper prints it times 100); NaN if none has."""
    iou = class_iou(counts, named)
    return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")
