"""Keypoints of one image found again in another, at every layer, each image encoded once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.metrics.correspondence import match_keypoints
from workflow_scripts.onepass.batch import Batch, KeypointPairs, LayerView
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.ordered import OrderedCollector


class MatchedKeypoints(OrderedCollector):
    """Where every layer finds the keypoints of a pair's source image in its target image: rows of [L, 2] by point.

    Keys: pooled_by_category, per_point (`metrics.correspondence.match_keypoints`), (x, y) in pixels of the crop. An image is
    encoded once and remembered until the last of its pairs is matched.
    """

    name = "matched_keypoints"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._pairs: KeypointPairs | None = None
        self._open: dict[int, set[int]] = {}  # image that is remembered -> its pairs that are not matched yet

    def update(self, view: LayerView, batch: Batch) -> None:
        """Gather the patch tokens of the batch's images that are in a pair."""
        assert batch.pairs is not None, "matched_keypoints needs keypoint pairs"
        self._pairs = batch.pairs
        self._gather(view, batch, set(batch.pairs.partners))

    def merge(self, other: Collector) -> None:
        """Match the pairs that are complete with the images of `other`."""
        super().merge(other)
        assert isinstance(other, MatchedKeypoints)
        self._pairs = self._pairs or other._pairs
        for image, tokens in other._tokens.items():
            assert self._pairs is not None
            self._tokens[image], self._grids[image] = tokens, other._grids[image]
            self._open[image] = set(self._pairs.partners[image])
            for pair in self._pairs.partners[image]:
                ends = int(self._pairs.source[pair]), int(self._pairs.target[pair])
                if all(end in self._tokens for end in ends):
                    self._match(pair, *ends)

    def _match(self, pair: int, source: int, target: int) -> None:
        assert self._pairs is not None
        points = np.flatnonzero(self._pairs.point_pair == pair)
        both = [torch.stack(self._tokens[image]) for image in (source, target)]
        start = torch.from_numpy(self._pairs.point_source[points]).to(both[0].device)
        for rule, found in match_keypoints(*both, self._grids[target], self._pairs.side, start).items():
            record = found.transpose(0, 1).cpu().numpy()
            self._rows(rule, record.shape[1:]).append(points, record)
        for image in {source, target}:
            self._open[image].discard(pair)
            if not self._open[image]:
                del self._open[image], self._tokens[image], self._grids[image]
