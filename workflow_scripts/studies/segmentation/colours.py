"""A colour for every class of a dataset, the same in all pictures of the study."""

from __future__ import annotations

import numpy as np

from workflow_scripts.figures.class_hues import class_hues

NONE = (0, 0, 0)
_SHADE = 0.6  # how far the outermost shades of a class are mixed with white and black


def class_colours(count: int) -> np.ndarray:
    """Return the colours of `count` classes and then that of none (black), [count + 1, 3] uint8."""
    return np.concatenate([class_hues(count), np.array([NONE], np.uint8)])


def paint(maps: np.ndarray, count: int) -> np.ndarray:
    """Return class maps [..., h, w] as pictures [..., h, w, 3] uint8; what is no class of `count` is black."""
    return class_colours(count)[np.minimum(maps, count)]


def cluster_colours(named: np.ndarray, sizes: np.ndarray, count: int) -> np.ndarray:
    """Return a colour for every cluster, [K, 3] uint8: that of its class, in as many shades as the class has clusters.

    The largest cluster of a class has the class's own colour, the others by size lighter and darker ones by turns, further off
    the smaller they are. A cluster that stands for no class is black.

    Args:
        named: [K], the class of each cluster, or what is no class of `count`.
        sizes: [K], the clusters' pixels.
        count: number of classes.
    """
    colours = np.zeros((len(named), 3))
    for number, colour in enumerate(class_colours(count)[:-1].astype(float)):
        own = np.flatnonzero(named == number)
        for place, cluster in enumerate(own[np.argsort(-sizes[own], kind="stable")]):
            share = _SHADE * ((place + 1) // 2) / max(1, len(own) // 2)
            colours[cluster] = colour + share * ((255.0 if place % 2 else 0.0) - colour)
    return colours.round().astype(np.uint8)


def aggregate(places: np.ndarray) -> np.ndarray:
    """Return where each class is on average, as colours [..., P, 3] uint8 (Yu et al., Eq. 2).

    A = sum over classes of W~ v, W~ the share of images with the class at the place and v the class's colour; a place that is
    never of any class is black.

    Args:
        places: [..., C, P], how often class c is at place p.
    """
    total = places.sum(-2, keepdims=True)
    share = np.divide(places, total, out=np.zeros(places.shape), where=total > 0)
    colours = class_colours(places.shape[-2])[:-1].astype(float)
    return (np.swapaxes(share, -1, -2) @ colours).round().astype(np.uint8)
