"""Video object segmentation: from soft labels on the patch grid to masks, and region and boundary scores of masks.

Arrays are numpy. A mask is an index image [H, W] uint8: 0 is background, 1 to K are the objects. Region similarity J and
contour accuracy F follow Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation"
(CVPR 2016), with the conventions of the DAVIS 2017 semi-supervised benchmark (arXiv 1704.00675): the first and the last
frame do not count, the objects are those of the first true mask, and every object of every video weighs the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from workflow_scripts.metrics.intervals import bootstrap_means

# A boundary pixel is matched within this share of the image diagonal.
BOUNDARY_TOLERANCE = 0.008
# A soft label whose values differ by a smaller share of the largest is constant but for the rounding of its propagation.
CONSTANT = 1e-5
# The statistics of one object over its frames, and what a table says of all objects.
OBJECT_METRICS = ("j_mean", "j_recall", "j_decay", "f_mean", "f_recall", "f_decay")
VIDEO_METRICS = ("jf_mean", *OBJECT_METRICS)


def output_mask(soft: np.ndarray, patch: int, size: tuple[int, int]) -> np.ndarray:
    """Return the mask [H, W] uint8 of soft labels on the patch grid (Caron et al. 2021, DINO, evaluation code).

    The labels are upsampled bilinearly to pixels (pixel centres at half, borders clamped), every channel that is positive
    somewhere is stretched to [0, 1], the largest channel of a pixel wins (ties: the first), and the mask is resized to
    the frame by the nearest pixel as Pillow does. A positive channel that is constant cannot be stretched (0 / 0 in that
    code, which then wins everywhere): it stays as it is.

    Args:
        soft: [K + 1, R, C] soft labels, not negative; channel 0 is background; at most 256 channels.
        patch: pixels per cell along both axes.
        size: (H, W) of the frame in pixels.
    """
    rows, columns = (upsampling(cells, patch) for cells in soft.shape[1:])
    best = winner = None
    for channel, label in enumerate(soft.astype(np.float32)):
        up = rows @ label @ columns.T
        low, high = label.min(), label.max()
        if high > 0 and high - low > CONSTANT * high:
            low, high = up.min(), up.max()
            up -= low
            up /= high - low
        if best is None:
            best, winner = up, np.zeros(up.shape, np.uint8)
        else:
            winner[up > best] = channel
            np.maximum(best, up, out=best)
    return np.array(Image.fromarray(winner).resize(size[::-1], Image.Resampling.NEAREST))


def upsampling(cells: int, factor: int) -> np.ndarray:
    """Return the matrix [cells * factor, cells] float32 that upsamples an axis bilinearly, pixel centres at half.

    Positions before the first and after the last cell centre take that cell's value; every row adds up to 1.
    """
    position = np.clip((np.arange(cells * factor) + 0.5) / factor - 0.5, 0, cells - 1)
    return np.maximum(1 - np.abs(position[:, None] - np.arange(cells)), 0).astype(np.float32)


def sequence_scores(results: np.ndarray, truths: np.ndarray) -> dict[str, np.ndarray]:
    """Return J and F of every object and frame of a video, first and last frame left out.

    Args:
        results: [..., T, H, W] masks; leading axes, such as layers, are scored alike and share the work on the truth.
        truths: [T, H, W] true masks. The objects are 1 to K, the largest index in the first of them.

    Returns:
        ``j`` and ``f``, each [..., K, T - 2] in [0, 1].

    Raises:
        ValueError: fewer than three frames, no object in the first true mask, shapes that differ, or a result with an
            object that the first true mask does not have.
    """
    frames = len(truths)
    if frames < 3:
        raise ValueError(f"{frames} frames: at least 3 are needed, as the first and the last do not count")
    if results.shape[-3:] != truths.shape:
        raise ValueError(f"masks of shape {results.shape[-3:]} for true masks of shape {truths.shape}")
    count = int(truths[0].max())
    if not count:
        raise ValueError("the first true mask has no object")
    flat = results.reshape(-1, *truths.shape)
    scores = np.array([frame_scores(flat[:, i], truths[i], count) for i in range(1, frames - 1)])  # [T - 2, 2, L, K]
    j, f = (x.reshape(*results.shape[:-3], count, frames - 2) for x in scores.transpose(1, 2, 3, 0))
    return {"j": j, "f": f}


def frame_scores(results: np.ndarray, truth: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return J and F of `count` objects, each [L, count], of masks [L, H, W] of one frame and its true mask [H, W].

    An object that a mask lacks counts as empty there.

    Raises:
        ValueError: a mask has an object beyond `count`.
    """
    if results.max() > count:
        raise ValueError(f"a mask has object {results.max()}, the first true mask has {count}")
    j, f = np.ones((2, len(results), count))
    radius = boundary_radius(truth.shape)
    boxes = ndimage.find_objects(results, count), ndimage.find_objects(truth, count)
    for k, (box, true_box) in enumerate(zip(*boxes, strict=True)):
        # Nothing happens outside the object's box in all masks, widened by the reach of a match.
        parts = [part for part in (box and box[1:], true_box) if part]
        if not parts:
            continue
        area = tuple(
            slice(max(0, min(s.start for s in sides) - radius - 1), max(s.stop for s in sides) + radius + 1)
            for sides in zip(*parts, strict=True)
        )
        true_object = truth[area] == k + 1
        true_boundary = Boundary(true_object, radius)
        for layer, mask in enumerate(results[(slice(None), *area)] == k + 1):
            j[layer, k] = region_similarity(mask, true_object)
            f[layer, k] = _f_measure(Boundary(mask, radius), true_boundary)
    return j, f


def region_similarity(result: np.ndarray, truth: np.ndarray) -> float:
    """Return J, the intersection over union of two boolean masks [H, W]; 1 where both are empty."""
    union = np.count_nonzero(result | truth)
    return np.count_nonzero(result & truth) / union if union else 1.0


def contour_accuracy(result: np.ndarray, truth: np.ndarray) -> float:
    """Return F, the harmonic mean of boundary precision and recall, of two boolean masks [H, W].

    Precision is the share of the result's boundary pixels within `boundary_radius` of a true boundary pixel, recall the
    reverse. Without any boundary precision is 1 and recall is 0 for a result that lacks it, the other way round for a
    truth that lacks it, and both are 1 if both do. A mask that fills the frame has no boundary.
    """
    radius = boundary_radius(truth.shape)
    return _f_measure(Boundary(result, radius), Boundary(truth, radius))


class Boundary:
    """The boundary pixels of one mask, and which pixels lie near them."""

    def __init__(self, mask: np.ndarray, radius: int) -> None:
        """Find the boundary of a boolean mask [H, W]; `radius` is how far near reaches, in pixels."""
        self.radius = radius
        # Positions in a frame with a margin for the disk, so that a row of the disk never runs into the next row.
        self._width = mask.shape[1] + 2 * radius
        y, x = np.divmod(np.flatnonzero(boundary(mask)), mask.shape[1])
        self.pixels = (y + radius) * self._width + x + radius
        # How many boundary pixels come before a position, in row-major order.
        size = (mask.shape[0] + 2 * radius) * self._width
        self._before = np.repeat(np.arange(len(self) + 1, dtype=np.int32), np.diff(self.pixels, prepend=-1, append=size))

    def __len__(self) -> int:
        return len(self.pixels)

    def share_near(self, other: Boundary) -> float:
        """Return the share of these pixels that lie at most the radius (Euclidean) from a pixel of `other`."""
        dy = np.arange(-self.radius, self.radius + 1)[:, None]
        half = np.sqrt(self.radius**2 - dy**2).astype(np.intp)
        middle = self.pixels + dy * self._width
        # A row of the disk holds a boundary pixel if the count rises along it.
        return float((other._before[middle + half + 1] != other._before[middle - half]).any(0).mean())


def _f_measure(result: Boundary, truth: Boundary) -> float:
    if not len(result) or not len(truth):
        return float(len(result) == len(truth))
    precision, recall = result.share_near(truth), truth.share_near(result)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary_radius(size: tuple[int, int]) -> int:
    """Return the distance in pixels up to which boundary pixels of a frame (H, W) match."""
    return int(np.ceil(BOUNDARY_TOLERANCE * np.hypot(*size)))


def boundary(mask: np.ndarray) -> np.ndarray:
    """Return the boundary pixels [H, W] bool of a boolean mask: those that differ from the right, lower or lower right one.

    The last row has a right neighbour alone, the last column a lower one; the border of the frame is no boundary.
    """
    edge = np.zeros(mask.shape, bool)
    edge[:, :-1] = mask[:, :-1] != mask[:, 1:]
    edge[:-1] |= mask[:-1] != mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] != mask[1:, 1:]
    return edge


def statistics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, recall and decay over the last axis of per-frame values [..., n], n at least 1.

    Recall is the share of frames above 0.5, decay the mean of the first quarter of the frames less that of the last;
    neighbouring quarters share their border frame. NaN is left out of the means and is a miss for the recall; values that
    are all NaN have a mean of NaN.
    """
    edges = np.round(np.linspace(1, values.shape[-1], 5) + 1e-10).astype(np.int64) - 1
    first, last = (_mean(values[..., edges[i] : edges[i + 1] + 1]) for i in (0, 3))
    return _mean(values), (values > 0.5).mean(-1), first - last


def _mean(values: np.ndarray) -> np.ndarray:
    there = ~np.isnan(values)
    count = there.sum(-1)
    return np.where(count, np.where(there, values, 0).sum(-1) / np.maximum(count, 1), np.nan)


def object_statistics(scores: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return `OBJECT_METRICS` of the objects of a video, each [..., K], from its `sequence_scores`."""
    values = [*statistics(scores["j"]), *statistics(scores["f"])]
    return dict(zip(OBJECT_METRICS, values, strict=True))


def overall(
    videos: Sequence[dict[str, np.ndarray]], draws: int = 1000, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return (value, low, high) of every one of `VIDEO_METRICS`, each [...]: plain means over all objects of all videos.

    ``jf_mean`` is half the sum of ``j_mean`` and ``f_mean``. The percentile bootstrap interval draws whole videos, and the
    mean over the objects of the drawn videos is taken anew in every draw.

    Args:
        videos: `object_statistics` of each video; the number of objects K may differ, the leading axes may not.
        draws: number of resamples.
        level: coverage.
        seed: seed of the resampling.

    Returns:
        By metric; the interval is NaN with fewer than two videos.
    """
    sums = np.array([[video[name].sum(-1) for name in OBJECT_METRICS] for video in videos])
    counts = np.array([video["j_mean"].shape[-1] for video in videos], np.float64)
    counts = np.broadcast_to(counts.reshape(-1, *[1] * (sums.ndim - 1)), (len(sums), 1, *sums.shape[2:]))
    records = np.concatenate([sums, counts], 1)

    def all_metrics(means: np.ndarray) -> np.ndarray:
        objects = means[:, :-1] / means[:, -1:]
        return np.concatenate([(objects[:, :1] + objects[:, 3:4]) / 2, objects], 1)

    value = all_metrics(records.mean(0, keepdims=True))[0]
    low, high = bootstrap_means(records, all_metrics, draws, level, seed)
    return {name: (value[i], low[i], high[i]) for i, name in enumerate(VIDEO_METRICS)}
