"""Per-channel normalisation of a model's input images. Apart from `vit`: the registry needs no torch."""

from __future__ import annotations

from typing import NamedTuple


class Normalisation(NamedTuple):
    """Mean and standard deviation per channel (RGB) of images in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
