"""Percentage of correct keypoints (PCK), by rules that pool keypoints differently.

A keypoint is correct where its prediction lies within alpha times the larger side of the target object's box.
``pooled_by_category``: strictly within; the points of all pairs of a category are pooled, and the categories are averaged
(Walmer et al., "Teaching Matters", arXiv 2212.03862, evaluation code). ``per_point``: within or on; the points of all pairs are
pooled (Yu et al., arXiv 2605.29691v1, appendix A.7: "bbox, per point"). ``per_image``: within or on; the share of every pair is
taken first, and the pairs are averaged, however many points they have.

Arrays are numpy; P keypoints, L layers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workflow_scripts.metrics.intervals import bootstrap_means

RULES = ("pooled_by_category", "per_point", "per_image")
ALPHAS = (0.1, 0.05, 0.01)


class Share(NamedTuple):
    """A share of correct keypoints, [L], with its interval and what it rests on.

    Attributes:
        value: [L] in [0, 1].
        low: [L] lower end; NaN with fewer than two units.
        high: [L] upper end.
        units: number of units that the interval draws: categories or pairs.
        points: number of keypoints.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    units: int
    points: int


def correct(predictions: np.ndarray, truths: np.ndarray, sizes: np.ndarray, alpha: float, rule: str) -> np.ndarray:
    """Return which keypoints are correct, [P, L] bool.

    Args:
        predictions: [P, L, 2] predicted (x, y) in pixels.
        truths: [P, 2] true (x, y) in pixels of the same image.
        sizes: [P] larger side of the target object's box, in the same pixels.
        alpha: share of that side that a prediction may be off.
        rule: one of `RULES`.
    """
    offset = predictions.astype(np.float64) - truths[:, None]
    distance = np.hypot(offset[..., 0], offset[..., 1])
    within = alpha * sizes[:, None].astype(np.float64)
    return distance < within if _known(rule) == "pooled_by_category" else distance <= within


def pck(hits: np.ndarray, categories: np.ndarray, pairs: np.ndarray, rule: str, seed: int = 0) -> dict[str, Share]:
    """Return PCK over all categories, under the key "", and of each category, under its name, in sorted order.

    Percentile bootstrap intervals: the categories are drawn for the mean over categories, whole pairs for everything else.

    Args:
        hits: [P, L] from `correct`; P at least 1.
        categories: [P] category name of each keypoint. A category without keypoints does not exist here.
        pairs: [P] which image pair a keypoint belongs to; a pair has one category.
        rule: one of `RULES`.
        seed: seed of the resampling.
    """
    share_of = _mean_of_pairs if _known(rule) == "per_image" else _pooled
    each = {str(name): share_of(hits[categories == name], pairs[categories == name], seed) for name in np.unique(categories)}
    if rule != "pooled_by_category":
        return {"": share_of(hits, pairs, seed), **each}
    values = np.array([share.value for share in each.values()])
    low, high = bootstrap_means(values, seed=seed)
    return {"": Share(values.mean(0), low, high, len(values), len(hits)), **each}


def _pooled(hits: np.ndarray, pairs: np.ndarray, seed: int) -> Share:
    """Return the share of all keypoints with an interval over pairs, which differ in their number of keypoints."""
    records = _records(hits, pairs)
    low, high = bootstrap_means(records, lambda means: means[:, :-1] / means[:, -1:], seed=seed)
    return Share(hits.mean(0), low, high, len(records), len(hits))


def _mean_of_pairs(hits: np.ndarray, pairs: np.ndarray, seed: int) -> Share:
    """Return the mean over pairs of the share of each pair's keypoints with an interval over pairs."""
    records = _records(hits, pairs)
    shares = records[:, :-1] / records[:, -1:]
    low, high = bootstrap_means(shares, seed=seed)
    return Share(shares.mean(0), low, high, len(shares), len(hits))


def _records(hits: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the correct keypoints of every pair by layer and, last, the number of its keypoints, [pairs, L + 1]."""
    unique, unit = np.unique(pairs, return_inverse=True)
    records = np.zeros((len(unique), hits.shape[1] + 1))
    np.add.at(records, unit, np.column_stack([hits, np.ones(len(hits))]))
    return records


def _known(rule: str) -> str:
    if rule not in RULES:
        raise ValueError(f"rule '{rule}'; expected one of {', '.join(RULES)}")
    return rule
