"""Video object segmentation by label propagation, from soft label maps to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.metrics.video_scores import object_statistics, output_mask, overall, sequence_scores
from workflow_scripts.studies.rows import score_row


def score_video(soft: np.ndarray, cells: tuple[int, int], patch: int, truths: np.ndarray) -> dict[str, np.ndarray]:
    """Return the statistics of J and F of every layer and object of one video, [L, K] each.

    Args:
        soft: [T - 1, L, C, N] soft labels of all frames but the first, on the patch grid.
        cells: (rows, columns) of the patch grid, N in all.
        patch: pixels per cell.
        truths: [T, H, W] uint8 true masks at the resolution of the frames.
    """
    frames, layers, channels = soft.shape[:3]
    results = np.empty((layers, *truths.shape), np.uint8)
    results[:, 0] = truths[0]
    for frame in range(frames):
        for layer in range(layers):
            maps = soft[frame, layer].reshape(channels, *cells)
            results[layer, frame + 1] = output_mask(maps, patch, truths.shape[1:])
    return object_statistics(sequence_scores(results, truths))


def video_rows(videos: Sequence[Mapping[str, np.ndarray]], setting: str, seed: int) -> list[dict[str, Any]]:
    """Return J, F and J&F of every layer over all objects of all videos, with intervals over videos.

    Args:
        videos: `score_video` of each.
        setting: "normal" or "dense".
        seed: of the resampling.
    """
    n = sum(video["j_mean"].shape[-1] for video in videos)
    rows = []
    for metric, (value, low, high) in overall(videos, seed=seed).items():
        better = not metric.endswith("decay")
        rows += [
            score_row(layer, "token", metric, setting, value[layer], n, low[layer], high[layer], better)
            for layer in range(len(value))
        ]
    return rows
