"""Images of sizes of their own: the padded crops of a dataset, size by size, so that each batch is of one.

Sizes are taken one after the other, and the model is built for each once; the images of a pass are the same in any order.
"""

from __future__ import annotations

import numpy as np
import torch

from workflow_scripts.data.views import Padded
from workflow_scripts.onepass.batch import Batch
from workflow_scripts.onepass.shards import Shard
from workflow_scripts.onepass.source import CropSource


def padded_sizes(source: CropSource) -> list[tuple[int, int]]:
    """Return the different sizes (height, width) in pixels that the images of padded crops have for a model, ascending."""
    sizes = zip(source.samples["height"].tolist(), source.samples["width"].tolist(), strict=True)
    return sorted({(int(height), int(width)) for height, width in sizes})


def padded_parts(source: CropSource, step: int, shard: Shard) -> list[tuple[tuple[int, int], range]]:
    """Return the sizes that a shard has images of, each with their positions among those of that size, cut every `step`."""
    heights, widths = source.samples["height"], source.samples["width"]
    before, parts = 0, []
    for size in padded_sizes(source):
        count = int(((heights == size[0]) & (widths == size[1])).sum())
        parts.append((size, shard.part(count, step, before, len(source))))
        before += count
    return [(size, images) for size, images in parts if images]


class PaddedSource:
    """The images of one size, whole patches, as batches: zero after normalisation where the image has ended."""

    def __init__(self, source: CropSource, geometry: Padded, size: tuple[int, int]) -> None:
        """Choose the images of `source`, crops of a view of `geometry`, that have `size` in pixels with what is added."""
        self.source, self.geometry, self.size = source, geometry, size
        samples = source.samples
        self.positions = np.flatnonzero((samples["height"] == size[0]) & (samples["width"] == size[1]))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.positions)

    def name(self, position: int) -> str:
        """Return the id of the image at `position` among those of this size."""
        return self.source.name(int(self.positions[position]))

    def read(self, start: int, stop: int) -> Batch:
        """Return the images `start` to `stop` (exclusive) of this size, with their positions in the dataset and labels."""
        positions, (rows, columns) = self.positions[start:stop], self.size
        crops = np.load(self.source.crops, mmap_mode="r")
        pixels = np.stack([crops[first, :rows, :columns] for first in self.source.first[positions].tolist()])
        image = self.source.normalised(torch.from_numpy(pixels))
        sizes = (self.source.samples[name][positions].tolist() for name in ("image_height", "image_width"))
        for one, height, width in zip(image, *sizes, strict=True):
            end = self.geometry.resized((int(height), int(width)))
            one[:, end[0] :] = 0
            one[:, :, end[1] :] = 0
        labels = self.source.labels
        return Batch(positions, image, None if labels is None else labels[positions])
