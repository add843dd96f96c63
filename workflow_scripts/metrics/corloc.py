"""CorLoc: the share of images in which a box is on an object.

As LOST (Simeoni et al., BMVC 2021, section 4.1) and its public code (valeoai/LOST) score it: a box is right if its IoU with any
object of the image is at least 0.5. The IoU of that code adds 1e-7 to both heights and to the union, so that an IoU of exactly
0.5 is a miss; here in double precision, where that is more than rounding. Imports no torch, unlike what finds boxes in a pass.
"""

from __future__ import annotations

import numpy as np

EPSILON = 1e-7
LEAST_IOU = 0.5


def pixel_boxes(boxes: np.ndarray, patch: tuple[int, int], size: tuple[int, int] | np.ndarray) -> np.ndarray:
    """Return boxes in patches as boxes in pixels, [..., 4] int64, cut off where the image was padded at the right and bottom.

    Args:
        boxes: (x0, y0, x1, y1) in patches, ends exclusive.
        patch: (rows, columns) of a patch in pixels.
        size: (height, width) in pixels of the image before it was padded to whole patches; or [..., 2], of each box its own.
    """
    scale = np.array([patch[1], patch[0]] * 2)
    limits = np.asarray(size)[..., ::-1]
    return np.minimum(boxes * scale, np.concatenate([limits, limits], -1))


def public_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the IoU of boxes [..., 4] (x0, y0, x1, y1) with others, [...] float64 in 0 to 1, as the public code has it."""
    a, b = boxes.astype(np.float64), others.astype(np.float64)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = sides.clip(0).prod(-1)
    areas = ((part[..., 2] - part[..., 0]) * (part[..., 3] - part[..., 1] + EPSILON) for part in (a, b))
    return both / (sum(areas) - both + EPSILON)


def hits(found: np.ndarray, truth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return whether each image's box is on an object, [n] float64: 1, 0, or NaN of an image without annotated objects.

    Args:
        found: [n, 4] the box of each image, (x0, y0, x1, y1) in pixels.
        truth: [M, 4] boxes of objects, likewise.
        image: [M] int, the image of each, in 0 to n - 1.
    """
    best = np.full(len(found), np.nan)
    np.fmax.at(best, image, public_iou(found[image], truth))
    return np.where(np.isnan(best), np.nan, best >= LEAST_IOU)


def corloc(found: np.ndarray) -> tuple[float, int]:
    """Return the share of `hits` [n] in 0 to 1, NaN without any image, and how many images were skipped."""
    counted = found[~np.isnan(found)]
    return (float(counted.mean()) if len(counted) else float("nan")), len(found) - len(counted)
