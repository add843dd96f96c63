"""How well clusters of pixels are classes: matching of clusters with classes, and IoU, from counts over a whole test set.

The protocol of unsupervised semantic segmentation (Ji et al. 2019, Cho et al. 2021, Hamilton et al. 2022, Hahn et al. 2024) as
in Yu et al. (arXiv 2605.29691v1, section 3.1): one count matrix over all pixels of all images, one matching, one IoU a class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

LEFT_OVER = -1  # the class of a cluster that stands for none


def match_one_to_one(counts: np.ndarray) -> np.ndarray:
    """Return the class that each cluster stands for, so that as many pixels as can be lie in a cluster of their class.

    With more clusters than classes some clusters stand for none, with fewer some classes are without a cluster.

    Args:
        counts: [K, C], pixels of class c in cluster k, void pixels left out.

    Returns:
        [K] int64 classes, each at most once; `LEFT_OVER` for a cluster that stands for none.
    """
    clusters, classes = linear_sum_assignment(counts, maximize=True)
    named = np.full(len(counts), LEFT_OVER)
    named[clusters] = classes
    return named


def match_clusters(counts: np.ndarray) -> np.ndarray:
    """Return the class that each cluster stands for where several may stand for one.

    The one-to-one assignment, and where there are more clusters than classes each cluster that is left over joins the class
    that it overlaps most (public code of Hahn et al., PriMaPs; of equals the first class).

    Args:
        counts: [K, C], pixels of class c in cluster k, void pixels left out.

    Returns:
        [K] int64 classes; `LEFT_OVER` for a cluster without pixels that no class was matched with.
    """
    named = match_one_to_one(counts)
    return np.where((named == LEFT_OVER) & counts.any(1), counts.argmax(1), named)


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


def resampled_iou(draws: np.ndarray, match: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and class IoU of every resample of the images, each matched anew: [R] and [R, C] float64, NaN as above.

    Args:
        draws: [R, K, C], the counts of each resample.
        match: `match_one_to_one` or `match_clusters`.
    """
    named = [match(counts) for counts in draws]
    means = [mean_iou(counts, one) for counts, one in zip(draws, named, strict=True)]
    return np.array(means), np.array([class_iou(counts, one) for counts, one in zip(draws, named, strict=True)])


def part_purity(counts: np.ndarray) -> float:
    """Return the share of pixels that are of the class that is most frequent in their cluster, 0 to 1; NaN without pixels.

    It rises with the number of clusters (Manning, Raghavan and Schuetze 2008, section 16.3): compare equal numbers.

    Args:
        counts: [K, C], pixels of class c in cluster k.
    """
    return float(counts.max(1).sum() / total) if (total := counts.sum()) else float("nan")
