"""Features of objects that boxes show, and how all patches of the same images vary."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchvision.ops import roi_align

from workflow_scripts.metrics.feature_variance import Moments, merged_moments
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.chosen_layers import ChosenLayers
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.facets import facet_of, stored

# Neither is stated by Vanyan et al. (arXiv 2401.00463v2, appendix A.8.2), which names RoIAlign alone.
_BINS = 7  # along each side of a box
_SAMPLES = 2  # along each side of a bin


class ObjectFeatures(ChosenLayers):
    """The mean over a box of the patches' features after the final norm, by RoIAlign, rows of [L, D] by box, L chosen layers.

    He et al., "Mask R-CNN" (ICCV 2017, section 3), without rounding: a box of any size is divided into 7 x 7 bins, a bin's
    value is the mean of 2 x 2 points of the image's patch grid, bilinear between centres of patches; further option
    `precision` of the rows.
    """

    name = "object_features"

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        assert batch.boxes is not None, "object_features needs boxes"
        found, grids = batch.boxes, view.patch_grids(batch)
        sides = zip(view.grid[::-1], batch.image.shape[:-3:-1], strict=True)  # of a crop, in patches and in pixels: x, then y
        boxes = found.xyxy * found.xyxy.new_tensor([cells / pixels for cells, pixels in sides]).repeat(2)
        patches = view.image_patches(batch, facet_of(view, "token_normed"))
        features = [
            _pooled(patches[image], grids[image], boxes[torch.from_numpy(found.image == image).to(boxes.device)])
            for image in np.unique(found.image).tolist()
        ]
        if features:
            kept = stored(torch.cat(features), view.index, self.options["precision"])
            self.put("token_normed", place, found.index, kept, np.dtype(self.options["precision"]))


def _pooled(patches: Tensor, grid: tuple[int, int], boxes: Tensor) -> Tensor:
    """Return [K, D] float32 of boxes [K, 4] in units of patches, given the patches [N, D] of their image."""
    plane = patches.float().T.reshape(1, -1, *grid)
    return roi_align(plane, [boxes], _BINS, sampling_ratio=_SAMPLES, aligned=True).mean((2, 3))


class FeatureMoments(ChosenLayers):
    """Mean and variance of every feature after the final norm, over all patches of all images, L chosen layers.

    Sums ``count`` [L], ``mean`` [L, D] and ``squares`` [L, D] are merged as moments (`metrics.feature_variance.Moments`).
    """

    name = "feature_moments"

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        total = Moments(0, 0, 0)
        for patches in view.image_patches(batch, facet_of(view, "token_normed")):
            values = patches.double()
            mean = values.mean(0)
            total = merged_moments(total, Moments(len(values), mean, ((values - mean) ** 2).sum(0)))
        self.add("count", place, np.array(total.count))
        for name in ("mean", "squares"):  # as arrays: tensors are added in single precision
            self.add(name, place, getattr(total, name).cpu().numpy())

    def merge(self, other: Collector) -> None:
        """Take in everything that `other` has gathered of other images."""
        mine, theirs = (self._moments(made) for made in (self, other))
        super().merge(other)
        if mine and theirs:
            count, mean, squares = merged_moments(mine, theirs)
            self.sums = {"count": count[:, 0], "mean": mean, "squares": squares}

    @staticmethod
    def _moments(made: Collector) -> Moments | None:
        sums = made.sums
        return Moments(sums["count"][:, None], sums["mean"], sums["squares"]) if sums else None
