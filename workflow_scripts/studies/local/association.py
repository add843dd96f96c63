"""Whether an object is found again some frames later by its features: the nearest object of that frame is the same one.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2), section 5.3 and
appendix A.8.2. An object's feature is the mean over its box; variances that say which features are removed are over all
patches of all frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.association import Objects, association_counts, association_intervals, association_scores
from workflow_scripts.metrics.distances import COSINE as BY_COSINE
from workflow_scripts.metrics.distances import EUCLIDEAN
from workflow_scripts.metrics.feature_variance import kept_features, removal_order
from workflow_scripts.studies.local.conditions import COSINE, NN, setting
from workflow_scripts.studies.local.removal import require_fewer
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, score_row

FACET = "token_normed"
RULES = {NN: EUCLIDEAN, COSINE: BY_COSINE}
_VIEWS = {"tiles": "", "full": "full"}  # ask -> word of the rows' setting


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield scores by gap, rule and view, with all features and without those of largest variance.

    Raises:
        AtlasError: more features are to be removed than the model has, or a feature is not finite.
    """
    gaps = sorted(set(settings["gaps"]))
    for ask, passed in passes.items():
        width, patches = passed.rows("object_features", FACET).shape[-1], passed.state("feature_moments")
        require_fewer(settings["removed"], width)
        if not _VIEWS[ask]:
            value, count = float(settings["removed"]), int(patches["count"][0])
            columns = {"layer": passed.made["n_layers"], "facet": FACET, "dataset": passed.dataset}
            yield {"metric": "removed_main", "setting": NN, "value": value, "n": count, **columns}
        order = removal_order(patches["squares"][0] / patches["count"][0])
        for removed in (0, settings["removed"]):
            for rule, metric in RULES.items():
                counts = _counts(passed, kept_features(order, removed), gaps, metric)
                yield from _score_rows(passed, counts, gaps, rule, removed, _VIEWS[ask], seed)


def _counts(passed: Passed, kept: np.ndarray, gaps: list[int], metric: str) -> np.ndarray:
    """Return what is asked and found in each video, [V, G, 3], by the features `kept`."""
    boxes, _ = passed.truth("boxes")
    features = passed.mapped("object_features", FACET)
    video = boxes["video"][boxes["box_image"]]
    counts = []
    for number in np.unique(video):
        own = np.flatnonzero(video == number)
        objects = Objects(
            frame=boxes["frame"][boxes["box_image"][own]],
            identity=boxes["box_track"][own],
            category=boxes["box_label"][own],
            feature=features[own, 0][:, kept],
            asked=boxes["box_ignored"][own] == 0,
        )
        counts.append(association_counts(objects, gaps, metric))
    return np.stack(counts)


def _score_rows(
    passed: Passed, counts: np.ndarray, gaps: list[int], rule: str, removed: int, view: str, seed: int
) -> Iterator[Row]:
    """Yield the scores over all videos for each gap; none where nothing is asked, or for errors where there are none."""
    total, intervals = counts.sum(0), association_intervals(counts, seed=seed)
    units = {"instance": total[:, 0], "category": total[:, 0], "category_of_errors": total[:, 0] - total[:, 1]}
    for metric, values in association_scores(total).items():
        for place in np.flatnonzero(units[metric]):
            text = setting(rule, without=removed, gap=gaps[place], view=view)
            ends = (float(end[place]) for end in intervals[metric])
            n = int(units[metric][place])
            row = score_row(passed.made["n_layers"] - 1, FACET, metric, text, float(values[place]), n, *ends)
            yield row | {"dataset": passed.dataset}
