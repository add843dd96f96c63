"""Video object segmentation by label propagation, from soft label maps to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.views import whole_grid
from workflow_scripts.metrics.video_scores import object_statistics, output_mask, overall, sequence_scores
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row, score_row

LEAST_FRAMES = 3  # the first and the last do not count


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield J, F and J&F of every layer, from normal and from dense features (`video_rows`)."""
    for setting, passed in passes.items():
        for row in video_rows(list(scores(passed)), setting, seed):
            yield {**row, "dataset": passed.dataset}


def scores(passed: Passed) -> Iterator[dict[str, np.ndarray]]:
    """Yield the scores of each video of a pass; one video is in memory at a time.

    Raises:
        AtlasError: a video is too short to be scored.
    """
    view, reader, positions = passed.view, passed.reader, passed.samples["position"]
    names = [reader.frame(position)[0] for position in positions]
    for number, name in enumerate(dict.fromkeys(names)):
        frames = [row for row, other in enumerate(names) if other == name]
        if len(frames) < LEAST_FRAMES:
            raise AtlasError(f"video '{name}' has {len(frames)} frames; at least {LEAST_FRAMES} are needed, leave it out")
        truths = np.stack([reader.object_map(positions[row]) for row in frames])
        if not truths[0].any():
            raise AtlasError(f"video '{name}': no object in its first frame; leave it out")
        soft = passed.rows("propagated_labels", f"video{number:04d}")[:]
        cells = whole_grid(view.seen_size(truths.shape[1:]), view.shape, passed.grid)
        yield score_video(soft, cells, view.shape[0] // passed.grid[0], truths)


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


def video_rows(videos: Sequence[Mapping[str, np.ndarray]], setting: str, seed: int) -> list[Row]:
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
