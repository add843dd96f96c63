"""Collectors that follow images through time or pair them: they take batches of any size, but in the dataset's order.

Their work is done when a batch is merged, with what they remember of earlier batches. The features they remember are those
that are still needed: never those of a whole dataset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.metrics.correspondence import match_keypoints
from workflow_scripts.metrics.propagation import context_frames, propagate, unit
from workflow_scripts.onepass.batch import Batch, KeypointPairs, LayerView, VideoFrames
from workflow_scripts.onepass.collector import Collector, Wants


class _Ordered(Collector):
    """Gathers the L2-normalised patch tokens of every image and layer of a batch, for `merge` to work with."""

    ordered = True

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._tokens: dict[int, list[Tensor]] = {}  # image -> [N, D] per layer
        self._grids: dict[int, tuple[int, int]] = {}

    def _gather(self, view: LayerView, batch: Batch, wanted: set[int] | None = None) -> None:
        index = batch.index.tolist()
        for image, tokens, grid in zip(index, view.patch_tokens(batch), view.patch_grids(batch), strict=True):
            if wanted is None or image in wanted:
                self._tokens.setdefault(image, []).append(unit(tokens.float()))
                self._grids[image] = grid


class PropagatedLabels(_Ordered):
    """Soft label maps propagated through videos, of every layer: rows of [L, C, N] by frame, one key per video.

    Keys video0000, video0001, ...; the first frame of a video, whose labels are given, has no row. Options:
    `context_frames`, `radius`, `top_k`, `temperature` (`metrics.propagation.propagate`).
    """

    name = "propagated_labels"
    wants = Wants(frames=True)

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._frames: list[VideoFrames] = []
        self._video = -1
        self._context: dict[int, list[tuple[Tensor, Tensor]]] = {}  # frame -> per layer ([N, D] tokens, [C, N] labels)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Gather the batch's patch tokens."""
        assert batch.frames is not None, "propagated_labels needs videos"
        self._gather(view, batch)
        if not self._frames:
            self._frames.append(batch.frames)

    def merge(self, other: Collector) -> None:
        """Propagate labels through the frames of `other`, which follow those already taken in."""
        super().merge(other)
        assert isinstance(other, PropagatedLabels)
        for frames in other._frames:
            for image, video, frame in zip(other._tokens, frames.video.tolist(), frames.frame.tolist(), strict=True):
                self._advance(image, video, frame, other._tokens[image], other._grids[image], frames.first_labels)

    def _advance(
        self, image: int, video: int, frame: int, tokens: list[Tensor], grid: tuple[int, int], first: dict[int, Tensor]
    ) -> None:
        if frame == 0:
            self._video, self._context = video, {0: [(layer, first[video]) for layer in tokens]}
            return
        assert video == self._video, "the frames of a video must come in order, beginning with its first"
        settings = self.options
        wanted = [number for number in context_frames(frame, settings["context_frames"]) if number in self._context]
        self._context = {number: self._context[number] for number in wanted}
        labels = []
        for layer, query in enumerate(tokens):
            sources, maps = zip(*(self._context[number][layer] for number in wanted), strict=True)
            labels.append(
                propagate(
                    query,
                    torch.stack(sources),
                    torch.stack(maps, 1),
                    grid,
                    radius=settings["radius"],
                    top_k=settings["top_k"],
                    temperature=settings["temperature"],
                )
            )
        self._context[frame] = list(zip(tokens, labels, strict=True))
        record = torch.stack(labels).cpu().numpy()
        self._rows(f"video{video:04d}", record.shape).append(np.array([image]), record[None])


class MatchedKeypoints(_Ordered):
    """Where every layer finds the key points of a pair's source image in its target image: rows of [L, 2] by point.

    Keys: thesis, per_point (`metrics.correspondence.match_keypoints`), (x, y) in pixels of the crop. An image is encoded
    once and remembered until the last of its pairs is matched.
    """

    name = "matched_keypoints"
    wants = Wants(pairs=True)

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._pairs: KeypointPairs | None = None
        self._open: dict[int, set[int]] = {}  # image that is remembered -> its pairs that are not matched yet

    def update(self, view: LayerView, batch: Batch) -> None:
        """Gather the patch tokens of the batch's images that are in a pair."""
        assert batch.pairs is not None, "matched_keypoints needs key-point pairs"
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
