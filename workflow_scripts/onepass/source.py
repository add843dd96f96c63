"""Batches of decoded crops with their ground truth, normalised on the model's device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.numpy import load_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.crops import read_crops
from workflow_scripts.onepass.batch import Batch
from workflow_scripts.zoo.vit import Vit


class CropSource:
    """The crops of one dataset and geometry as batches for one model."""

    def __init__(self, vit: Vit, crops: Path, samples: Path, grid_masks: Path | None = None) -> None:
        """Open the files.

        Args:
            vit: the model, for its device, precision and normalisation.
            crops: .npy file of the crops.
            samples: parquet with one row per crop (id, label).
            grid_masks: safetensors with `object_mask` [n, N] and `has_object` [n], for the model's patch grid.

        Raises:
            AtlasError: the files do not belong together or do not fit the model.
        """
        self.crops = crops
        self.samples = pd.read_parquet(samples)
        shape = np.load(crops, mmap_mode="r").shape
        if shape[0] != len(self.samples):
            raise AtlasError(f"{crops}: {shape[0]} crops but {len(self.samples)} rows in {samples}; delete both, run again")
        if shape[1:3] != tuple(vit.image_size):
            raise AtlasError(
                f"{crops}: crops of {shape[1]} x {shape[2]} px, but the model takes {vit.image_size[0]} x "
                f"{vit.image_size[1]}; change the study's geometry or the model's image_size"
            )
        self.labels = None if (self.samples["label"] < 0).any() else self.samples["label"].to_numpy(np.int64, copy=True)
        self.n_classes = 0 if self.labels is None else int(self.labels.max()) + 1
        self.masks = load_file(grid_masks) if grid_masks else None
        self.device = vit.device
        self.mean, self.std = (
            torch.tensor(values, device=vit.device).reshape(1, 3, 1, 1)
            for values in (vit.normalisation.mean, vit.normalisation.std)
        )

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self.samples)

    def name(self, position: int) -> str:
        """Return the id of the image at `position`."""
        return str(self.samples["id"].iloc[position])

    def read(self, start: int, stop: int) -> Batch:
        """Return the crops `start` to `stop` (exclusive) as a batch."""
        pixels = torch.from_numpy(read_crops(self.crops, start, stop)).to(self.device)
        image = (pixels.permute(0, 3, 1, 2).float() / 255 - self.mean) / self.std
        masks = {}
        if self.masks is not None:
            masks["object_mask"] = torch.from_numpy(self.masks["object_mask"][start:stop].astype(bool)).to(self.device)
            masks["has_object"] = self.masks["has_object"][start:stop].astype(bool)
        label = None if self.labels is None else self.labels[start:stop]
        return Batch(np.arange(start, stop), image, label, **masks)
