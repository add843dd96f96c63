"""Cosine templates: a direction and an angle for each concept, from a few images that show it.

Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1, section 3.5.2). The direction is the plain mean of the
raw features (equation 2), the threshold that of highest F1 on the support (equation 3). An object has the concept if its cosine
is at least the threshold: the support that sets the threshold then has it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.binary_scores import decision_counts, macro_averages

SUPPORTS = (1, 2, 5, 10, 20, 50, 100, 200)  # k, images of the support
TRIALS = 10
QUERIES = 50  # images with the concept, and as many without
_ROWS = 4096


@dataclass(frozen=True)
class Objects:
    """Objects of a split: images in classification, patches in segmentation.

    Attributes:
        features: [n, D], half, single or double precision; read row by row, so it may be a memory map.
        labels: [n, C] bool, which of a category's concepts each object has.
        image: [n] int64, ascending: the image that each object belongs to.
    """

    features: np.ndarray
    labels: np.ndarray
    image: np.ndarray


def best_threshold(cosines: np.ndarray, positive: np.ndarray) -> float:
    """Return the observed cosine t for which "cosine >= t" has the highest F1; of equally good ones the largest.

    F1 is 2 TP / (2 TP + FP + FN), of the objects as they are. Without negatives that is the smallest cosine.

    Args:
        cosines: [n].
        positive: [n] bool, true at least once.
    """
    order = np.argsort(-cosines, kind="stable")
    ranked = cosines[order]
    hits = np.cumsum(positive[order])
    f1 = 2 * hits / (np.arange(1, len(ranked) + 1) + hits[-1])  # TP + FP are those said to be positive, TP + FN hits[-1]
    # A threshold takes all objects of equal cosine.
    f1[:-1][ranked[:-1] == ranked[1:]] = -1
    return float(ranked[np.argmax(f1)])


def cosine_counts(
    train: Objects,
    test: Objects,
    numbers: Sequence[int],
    seed: int,
    supports: Sequence[int] = SUPPORTS,
    trials: int = TRIALS,
    queries: int = QUERIES,
    columns: Sequence[int] | None = None,
) -> np.ndarray:
    """Return the decisions' counts on the query images, [trials, K, C, 4] int64 (`binary_scores.decision_counts`).

    A trial draws the images of the support once, from those that show the concept: its first k are the support of k images.
    Positives are their objects with the concept, negatives their other objects with a label of the category. It also draws
    the query, the same for all k: as many test images with the concept as without, `queries` of each or as many as there are
    of the rarer; all their labelled objects are decided on. Draws depend on the seed, the concept and the trial alone, so that
    tokens and models see the same images. Where fewer than k training images show a concept all four counts of that k are 0.

    Args:
        train: what supports are drawn from.
        test: other images, what queries are drawn from, with the same concepts.
        numbers: [C] what tells the concepts apart in the draws, not negative: the number that the dataset gives them.
        seed: of the draws.
        supports: the K numbers of images k, ascending.
        trials: number of trials.
        queries: images with the concept in a query.
        columns: [C] the columns of the labels that are these concepts, objects of the others being negatives; None: all.

    Raises:
        AtlasError: a concept is shown by no training image, or by no or by all test images; a feature is not finite.
    """
    counts = np.zeros((trials, len(supports), len(numbers), 4), np.int64)
    support, query = _Labelled(train), _Labelled(test)
    columns = range(len(numbers)) if columns is None else columns
    for row, (concept, number) in enumerate(zip(columns, numbers, strict=True)):
        shown = support.showing(concept)
        having, lacking = query.showing(concept), query.showing(concept, False)
        if not (len(shown) and len(having) and len(lacking)):
            what = "training image shows it" if not len(shown) else f"test image shows {'it' if not len(having) else 'another'}"
            raise AtlasError(f"cosine templates: concept {number} cannot be scored, no {what}; leave it out")
        reached = [k for k in supports if k <= len(shown)]
        each = min(queries, len(having), len(lacking))
        for trial in range(trials if reached else 0):
            rng = np.random.default_rng([seed, number, trial])
            drawn = rng.permutation(shown)[: reached[-1]]
            asked = np.concatenate([rng.permutation(images)[:each] for images in (having, lacking)])
            rows, ends = support.rows(drawn)
            directions, thresholds = _templates(support, rows, ends[np.array(reached) - 1], concept)
            rows, _ = query.rows(asked)
            said = query.cosines(rows, directions) >= thresholds
            has = query.labels[rows, concept]
            # An object is of the concept or of another: two labels say what the counts need.
            labels = np.stack([has, ~has], 1)
            for place in range(len(reached)):
                counts[trial, place, row] = decision_counts(said[:, place, None] & [True, False], labels)[0]
    return counts


def cosine_templates(
    train: Objects, numbers: Sequence[int], seed: int, support: int, supports: Sequence[int] = SUPPORTS
) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions [C, D] of length 1 and the thresholds [C] that `cosine_counts` makes in its first trial.

    Args:
        train: as of `cosine_counts`.
        numbers: likewise.
        seed: likewise.
        supports: likewise.
        support: images of the support, one of `supports`; where fewer show a concept, the next smaller number.
    """
    labelled = _Labelled(train)
    directions, thresholds = np.zeros((len(numbers), train.features.shape[1]), np.float32), np.zeros(len(numbers), np.float32)
    for concept, number in enumerate(numbers):
        shown = labelled.showing(concept)
        reached = [k for k in supports if k <= len(shown)]
        drawn = np.random.default_rng([seed, number, 0]).permutation(shown)[: reached[-1]]
        rows, ends = labelled.rows(drawn[: max(k for k in reached if k <= support)])
        directions[concept], thresholds[concept] = (part[0] for part in _templates(labelled, rows, ends[-1:], concept))
    return directions, thresholds


def macro_over_trials(counts: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return {metric: (mean [K], standard deviation [K])} over trials of the scores averaged over concepts (ddof 0).

    Concepts that too few images show for a k (counts of 0) are left out of the average of that k; NaN where none is left.

    Args:
        counts: [trials, K, C, 4], from `cosine_counts`.
    """
    trials, sizes = counts.shape[:2]
    averages: dict[str, np.ndarray] = {}
    for place in range(sizes):
        kept = counts[0, place, :, 1] > 0
        if kept.any():
            for name, values in macro_averages(counts[:, place, kept]).items():
                averages.setdefault(name, np.full((trials, sizes), np.nan))[:, place] = values
    return {name: (values.mean(0), values.std(0)) for name, values in averages.items()}


class _Labelled:
    """The objects of a split that have a label of the category, image by image.

    Of each it keeps labels, row and length, a few bytes; features are read when they are needed.
    """

    def __init__(self, objects: Objects) -> None:
        self.features = objects.features
        self.row = np.flatnonzero(objects.labels.any(1))
        self.labels = objects.labels[self.row]
        _, first, self.count = np.unique(objects.image[self.row], return_index=True, return_counts=True)
        self.first = first
        self.shown = np.logical_or.reduceat(self.labels, first, axis=0) if len(first) else self.labels
        self.length = np.empty(len(self.row), np.float32)
        for start in range(0, len(self.row), _ROWS):
            part = self.row[start : start + _ROWS]
            length = np.sqrt(np.square(self.features[part], dtype=np.float32).sum(1))
            if not np.isfinite(length).all():
                wrong = part[np.argmin(np.isfinite(length))]
                raise AtlasError(
                    f"cosine templates: the features of object {wrong} are not finite; run that pass again in float32"
                )
            self.length[start : start + _ROWS] = np.where(length > 0, length, 1)

    def showing(self, concept: int, wanted: bool = True) -> np.ndarray:
        """Return the images that show a concept, or those that show others alone."""
        return np.flatnonzero(self.shown[:, concept] == wanted)

    def rows(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the objects of images, one image after the other, and where each image's end."""
        count = self.count[images]
        ends = np.cumsum(count)
        return np.arange(ends[-1]) + np.repeat(self.first[images] - (ends - count), count), ends

    def read(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.features[self.row[rows]], np.float32)

    def cosines(self, rows: np.ndarray, directions: np.ndarray, read: np.ndarray | None = None) -> np.ndarray:
        """Return the cosines of objects with directions [K, D] of length 1, [rows, K] float32; 0 of an all-zero feature."""
        features = self.read(rows) if read is None else read
        return features @ directions.T / self.length[rows, None]


def _templates(support: _Labelled, rows: np.ndarray, ends: np.ndarray, concept: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit directions [K, D] and thresholds [K] of supports that end at `ends` [K] of the rows."""
    features, positive = support.read(rows), support.labels[rows, concept]
    # Every image of the support has the concept, so no sum is empty; the mean's length does not matter.
    sums = np.array([part[own].sum(0, dtype=np.float64) for part, own in _parts(features, positive, ends)]).cumsum(0)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    directions = (sums / np.where(length > 0, length, 1)).astype(np.float32)
    cosines = support.cosines(rows, directions, features)
    thresholds = [best_threshold(cosines[:end, place], positive[:end]) for place, end in enumerate(ends)]
    return directions, np.array(thresholds, np.float32)


def _parts(features: np.ndarray, positive: np.ndarray, ends: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    starts = [0, *ends[:-1]]
    return [(features[start:end], positive[start:end]) for start, end in zip(starts, ends, strict=True)]
