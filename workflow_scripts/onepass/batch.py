"""What a pass hands to its collectors: a batch of images with its ground truth, and one layer of the model's answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor

from workflow_scripts.metrics import attention as metrics
from workflow_scripts.zoo.vit import Layer


@dataclass(frozen=True)
class Batch:
    """Images and ground truth of consecutive positions of a dataset.

    Attributes:
        index: [B] int64 positions in the dataset.
        image: [B, 3, H, W] normalised images on the model's device.
        label: [B] int64 image labels, or None.
        object_mask: [B, N] bool union of all object masks on the patch grid, or None.
        has_object: [B] bool, False where an image keeps no object on the patch grid; None with `object_mask`.
    """

    index: np.ndarray
    image: Tensor
    label: np.ndarray | None = None
    object_mask: Tensor | None = None
    has_object: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.index)


class LayerView:
    """One layer with the quantities that several collectors share, each computed once and only if asked for."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.index = layer.index
        self.n_prefix = layer.n_prefix
        self.grid = layer.grid

    @property
    def attention(self) -> Tensor:
        """[B, H, T, T] attention probabilities; the engine sees to it that they exist where a collector wants them."""
        assert self.layer.attention is not None, "a collector read attention that its `wants` does not name"
        return self.layer.attention

    @cached_property
    def patch_attention(self) -> Tensor:
        """[B, H, N, N] attention among patch tokens, rows renormalised."""
        return metrics.patch_attention(self.attention, self.n_prefix)

    @cached_property
    def distances(self) -> Tensor:
        """[N, N] distances between patch tokens."""
        return metrics.distance_table(self.grid, self.attention.device)
