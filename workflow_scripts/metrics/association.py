"""Association of objects between frames: whether the nearest object some frames later is the same one, or of the same category.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 5.3): for
every frame t the nearest object of frame t + gap. An object that is not there any more is not asked for, or no score could
reach 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.distances import COSINE
from workflow_scripts.metrics.intervals import percentiles

COUNTS = ("asked", "same instance", "same category")


@dataclass(frozen=True)
class Objects:
    """The objects of one video, one row an object and frame.

    Attributes:
        frame: [N] int, number of the frame; frames may be missing.
        identity: [N] int, the same for the same object in all frames.
        category: [N] int.
        feature: [N, D].
        asked: [N] bool, what is looked for in later frames; all objects may be found.
    """

    frame: np.ndarray
    identity: np.ndarray
    category: np.ndarray
    feature: np.ndarray
    asked: np.ndarray


def association_counts(video: Objects, gaps: Sequence[int], metric: str) -> np.ndarray:
    """Return how many objects are asked for and found after each gap, [G, 3] int64: `COUNTS`. Videos are pooled by adding.

    An object of frame t is asked for if its identity is in frame t + gap too. What is found is the nearest object of that frame
    in float64, of equally near ones the first row.

    Args:
        video: of one video.
        gaps: [G] numbers of frames, at least 1.
        metric: "euclidean", or "cosine", where a feature of length 0 has cosine 0 with everything.

    Raises:
        AtlasError: an identity is twice in a frame, or a feature is not finite.
    """
    feature = video.feature.astype(np.float64)
    if not (finite := np.isfinite(feature).all(1)).all():
        raise AtlasError(f"association: the feature of object {int(finite.argmin())} is not finite; run that pass in float32")
    frames = {int(number): np.flatnonzero(video.frame == number) for number in np.unique(video.frame)}
    for number, rows in frames.items():
        identities, times = np.unique(video.identity[rows], return_counts=True)
        if (times > 1).any():
            raise AtlasError(
                f"association: object {identities[times.argmax()]} is {times.max()} times in frame {number}; give each object "
                "of a frame an identity of its own"
            )
    counts = np.zeros((len(gaps), len(COUNTS)), np.int64)
    for place, gap in enumerate(gaps):
        for number, rows in frames.items():
            later = frames.get(number + gap)
            if later is None:
                continue
            queries = rows[video.asked[rows] & np.isin(video.identity[rows], video.identity[later])]
            found = later[_distances(feature[queries], feature[later], metric).argmin(1)]
            same = [video.identity[found] == video.identity[queries], video.category[found] == video.category[queries]]
            counts[place] += [len(queries), *(int(kind.sum()) for kind in same)]
    return counts


def association_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of counts [..., 3], each [...] float64 in 0 to 1, NaN where nothing is asked.

    ``instance`` and ``category``: share of objects for which the same object, or one of the same category, is found.
    ``category_of_errors``: share of the same category among those for which another object is found. (The same object is of
    the same category in ground truth, so category is at least instance.)
    """
    asked, instance, category = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    return {
        "instance": _ratio(instance, asked),
        "category": _ratio(category, asked),
        "category_of_errors": _ratio(category - instance, asked - instance),
    }


def association_intervals(counts: np.ndarray, draws: int = 1000, seed: int = 0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the percentile bootstrap interval (low, high) of each of `association_scores`, by resampling videos.

    Args:
        counts: [V, ..., 3] of each video.
        draws: number of resamples; those in which a score is not defined are left out of its interval.
        seed: of the resampling.

    Returns:
        Each end [...] float64; NaN with fewer than two videos.
    """
    videos = len(counts)
    if videos < 2:
        return {name: (np.full(score.shape, np.nan),) * 2 for name, score in association_scores(counts.sum(0)).items()}
    weights = np.random.default_rng(seed).multinomial(videos, np.full(videos, 1 / videos), size=draws)
    return {name: percentiles(score) for name, score in association_scores(np.tensordot(weights, counts, 1)).items()}


def _distances(queries: np.ndarray, gallery: np.ndarray, metric: str) -> np.ndarray:
    """Return what orders distances, [n, N]: squared ones, or minus cosines."""
    if metric == COSINE:
        return -_unit(queries) @ _unit(gallery).T
    return np.stack([((query - gallery) ** 2).sum(1) for query in queries]) if len(queries) else np.empty((0, len(gallery)))


def _unit(features: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(length > 0, length, 1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
