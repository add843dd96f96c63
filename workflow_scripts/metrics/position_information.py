"""How much the position of a pixel in the image says about its class: mutual information over a common canvas.

Yu et al. (arXiv 2605.29691v1, section 3.2): position and class are two random variables, their joint distribution the counts
over all images. Natural logarithms, 0 ln 0 = 0.
"""

from __future__ import annotations

import numpy as np


def canvas_points(size: tuple[int, int], canvas: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (rows, columns) of the pixels that a canvas of `canvas` x `canvas` points sees of maps of `size` pixels.

    The middles of equal parts of each side; all of a side that has no more pixels than that. One pixel a point, so that every
    image counts once at every point.
    """
    rows, columns = (((np.arange(n) + 0.5) * side / n).astype(np.int64) for side in size for n in (min(side, canvas),))
    return rows, columns


def class_information(counts: np.ndarray) -> np.ndarray:
    """Return the part I_c of every class in the mutual information of class and position, [K] float64 nats, never negative.

    I_c = sum over p of P(p, c) ln(P(p, c) / (P(p) P(c))) = P(c) KL(P(p | c) || P(p)).

    Args:
        counts: [K, P], how often class or cluster k is at position p over all images. Positions may have different totals,
            as where void pixels are left out. Without any count all is 0.
    """
    total = counts.sum()
    joint = counts / total if total else np.zeros(counts.shape)
    independent = joint.sum(1, keepdims=True) * joint.sum(0)
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum(1).clip(0)


def class_entropy(counts: np.ndarray) -> float:
    """Return the entropy of the classes of `counts` [K, P] in nats."""
    share = counts.sum(1) / max(counts.sum(), 1)
    return float(-(share * np.log(np.where(share > 0, share, 1))).sum())


def normalised_information(counts: np.ndarray) -> float:
    """Return I / H(C) of `counts` [K, P], 0 to 1: 0 if position says nothing, 1 if it says all; 0 with a single class.

    Normalised by the class entropy alone (section 3.2), so it is not symmetric in class and position.
    """
    entropy = class_entropy(counts)
    return float(class_information(counts).sum() / entropy) if entropy else 0.0


def information_bias(classes: int, positions: int, images: int) -> float:
    """Return by how much I is too high with so many images, in nats, where class and position are independent.

    (K - 1)(P - 1) / (2 N P), the first term of Miller (1955) and Panzeri and Treves (1996) with N samples a position: about
    (K - 1) / 2N, 0.006 nats for 27 classes and 2,175 images but 0.26 for 50. So compare equal numbers of images only.

    Args:
        classes: K, classes or clusters that occur.
        positions: P of the canvas.
        images: N.
    """
    return (classes - 1) * (positions - 1) / (2 * images * positions)


def position_counts(maps: np.ndarray, classes: int) -> np.ndarray:
    """Return how often each class is at each position, [classes, P] int64.

    Args:
        maps: [n, P] classes of the positions of every image; those of `classes` and above are void and left out.
        classes: number of classes.
    """
    positions = maps.shape[1]
    valid = maps < classes
    cell = maps.astype(np.int64) * positions + np.arange(positions)
    return np.bincount(cell[valid], minlength=classes * positions).reshape(classes, positions)


def shuffled(maps: np.ndarray, seed: int) -> np.ndarray:
    """Return maps [n, P] with the positions of every image shuffled on their own: the classes of an image and no place.

    What information is left of it is the bias of so few images: the control that belongs beside every measured value.
    """
    return np.random.default_rng(seed).permuted(maps, axis=1)
