"""Classes of Cityscapes that the paper names, and the data set's own colours of the 19 that are scored.

Colours: cityscapesScripts, cityscapesscripts/helpers/labels.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workflow_scripts.figures.class_hues import class_hues

EASY = ("road", "vegetation", "sky", "car", "building")  # section 6: the classes that are told apart best
BUS = "bus"  # section 6: the class whose IoU jumps in the last layers of DINOv2

STREET_COLOURS = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
VOID, VOID_COLOUR = 255, (0, 0, 0)


def class_colours(classes: Sequence[str]) -> np.ndarray:
    """Return the colours of classes, [C, 3] uint8: Cityscapes' if all are of its 19, else `class_hues`."""
    if all(name in STREET_COLOURS for name in classes):
        return np.array([STREET_COLOURS[name] for name in classes], np.uint8).reshape(-1, 3)
    return class_hues(len(classes))


def paint(classes: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return a map of classes [h, w] as a picture [h, w, 3] uint8; what is no class is black."""
    table = np.full((VOID + 1, 3), VOID_COLOUR, np.uint8)
    table[: len(colours)] = colours
    return table[classes]
