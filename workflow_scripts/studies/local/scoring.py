"""Rows of how well predicted classes of patches segment the images of a test set."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.segmentation_scores import (
    SegmentationScores,
    image_confusions,
    largest_share,
    patch_counts,
    segmentation_scores,
)
from workflow_scripts.studies.local.conditions import setting
from workflow_scripts.studies.local.patch_sets import FACET, PatchSet
from workflow_scripts.studies.rows import Row

_DRAWS = 200  # resamples of the test images, for intervals


class Scorer:
    """Scores predictions on a test set; pixel and patch level, each by one confusion over all images."""

    def __init__(self, test: PatchSet, dataset: str, seed: int) -> None:
        self.test, self.dataset, self.seed = test, dataset, seed
        images, n_classes = len(test.counts), len(test.classes)
        self.by_patch = patch_counts(test.labels.reshape(images, -1), n_classes)

    def rows(self, predicted: np.ndarray, layer: int, rule: str, **words: str | int) -> Iterator[Row]:
        """Yield the rows of a prediction.

        Args:
            predicted: [n] int, class of every patch of the test set.
            layer: counted from 1.
            rule: that predicted, and
            **words: in which case, as `conditions.setting` takes them.
        """
        images = len(self.test.counts)
        by_image = predicted.reshape(images, -1)
        pixels = image_confusions(by_image, self.test.counts)
        patches = image_confusions(by_image, self.by_patch).sum(0)
        scores, at_patches = segmentation_scores(pixels.sum(0)), segmentation_scores(patches)
        ends = bootstrap_means(pixels, _means, draws=_DRAWS, seed=self.seed)
        said = {"dataset": self.dataset, "facet": FACET, "layer": layer, "setting": setting(rule, **words), "n": images}
        yield from _headline(scores, "", said, ends)
        yield from _headline(at_patches, "patch_", said, None)
        yield {**said, "metric": "largest_share", "value": largest_share(pixels.sum(0)), "unit": "share"}
        for name, value in zip(self.test.classes, scores.iou, strict=True):
            if np.isfinite(value):
                named = {"setting": setting(rule, **words, **{"class": name})}
                yield {**said, **named, "metric": "class_iou", "value": value, "unit": "share", "higher_is_better": True}


def _headline(scores: SegmentationScores, level: str, said: Row, ends: tuple[np.ndarray, np.ndarray] | None) -> Iterator[Row]:
    for place, (metric, value) in enumerate((("miou", scores.mean_iou), ("accuracy", scores.accuracy))):
        interval = {} if ends is None else {"ci_low": ends[0][place], "ci_high": ends[1][place]}
        yield {**said, "metric": level + metric, "value": value, "unit": "share", "higher_is_better": True, **interval}


def _means(confusions: np.ndarray) -> np.ndarray:
    """Return mean IoU and accuracy of mean confusions [draws, C, C], [draws, 2]."""
    hit = np.diagonal(confusions, axis1=1, axis2=2)
    union = confusions.sum(1) + confusions.sum(2) - hit
    # A class that no image of a draw has or is given has none; centred means leave rounding in place of 0.
    there = union > 1e-9
    iou = np.divide(hit, union, out=np.zeros_like(hit), where=there).sum(1) / np.maximum(there.sum(1), 1)
    return np.stack([iou, hit.sum(1) / np.maximum(confusions.sum((1, 2)), 1e-9)], 1)
