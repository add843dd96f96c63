"""Video object masks propagated from the first frame, at every layer, while the frames go by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.metrics.propagation import Propagation
from workflow_scripts.onepass.batch import Batch, LayerView, VideoFrames
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.ordered import OrderedCollector


class PropagatedLabels(OrderedCollector):
    """Soft label maps propagated through videos, of every layer: rows of [L, C, N] by frame, one key per video.

    Keys video0000, video0001, ...; the first frame of a video, whose labels are given, has no row. Options:
    `context_frames` (the last ones, beside the first), `radius`, `top_k`, `temperature` (`metrics.propagation`).
    """

    name = "propagated_labels"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._frames: list[VideoFrames] = []
        self._video = -1
        self._propagations: list[Propagation] = []  # of the current video, one per layer

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
            rule = (self.options[name] for name in ("context_frames", "radius", "top_k", "temperature"))
            self._video, arguments = video, (first[video], grid, *rule)
            self._propagations = [Propagation(layer, *arguments) for layer in tokens]
            return
        assert video == self._video, "the frames of a video must come in order, beginning with its first"
        labels = [propagation.step(query) for propagation, query in zip(self._propagations, tokens, strict=True)]
        record = torch.stack(labels).cpu().numpy()
        self._rows(f"video{video:04d}", record.shape).append(np.array([image]), record[None])
