"""Collectors of attention statistics, each a few lines over `metrics.attention`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.metrics import attention as metrics
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts, spread_positions
from workflow_scripts.onepass.patch_attention import patch_attention_of


class AverageAttention(Collector):
    """Sums over images of the average attention on each token: all, cls, spatial, spatial_pure, each [L, H, T].

    Option `n_classes`: with 1 or more also the ``all`` map of each image class, [L, classes, H, T]; a study asks for it by
    `per_class`.
    """

    name = "average_attention"
    attention = True

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Return as many classes as the dataset has, none unless they are asked for."""
        return {"n_classes": facts.n_classes if asked["per_class"] else 0}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's maps."""
        averages = metrics.average_attention(view.attention, patch_attention_of(view), view.n_prefix)
        for mode, value in averages.items():
            self.add(mode, view.index, value)
        n_classes = self.options["n_classes"]
        if n_classes:
            per_image = view.attention.mean(-2)
            sums = per_image.new_zeros(n_classes, *per_image.shape[1:])
            sums.index_add_(0, torch.as_tensor(batch.label, device=sums.device), per_image)
            self.add("class_all", view.index, sums)
            self.add("class_images", view.index, np.bincount(batch.label, minlength=n_classes))


class AlignedAttention(Collector):
    """Sum over images of the aligned aggregated maps, [L, H, 2R-1, 2C-1]."""

    name = "aligned_attention"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's maps."""
        self.add("aligned", view.index, metrics.aligned_attention(patch_attention_of(view), view.grid))


class AttentionDistance(Collector):
    """Attention distance of every image, layer and head, rows of [L, H]."""

    name = "attention_distance"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's distances."""
        distance = metrics.attention_distance(patch_attention_of(view), _distances(view))
        self.put("distance", view.index, batch.index, distance)


class MaskIoU(Collector):
    """IoU of attention masks with the union of object masks, for images that keep an object on the patch grid.

    Rows of [L, H] per source (cls, spatial, centre) and of [L] for the map merged over heads.
    """

    name = "mask_iou"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's IoU values."""
        keep = np.flatnonzero(batch.has_object)
        if not len(keep):
            return
        truth = batch.object_mask[torch.as_tensor(keep, device=batch.object_mask.device)]
        for source, values in metrics.source_rows(view.attention, view.n_prefix, view.grid).items():
            values = values[torch.as_tensor(keep, device=values.device)]
            per_head = metrics.mask_iou(metrics.mass_mask(values), truth[:, None])
            merged = metrics.mask_iou(metrics.mass_mask(metrics.merge_heads(values, source)), truth)
            self.put(source, view.index, batch.index[keep], per_head)
            self.put(f"{source}_merged", view.index, batch.index[keep], merged)


class SpatialToCls(Collector):
    """Mean attention of patch tokens on the CLS token and, as the reference code reads it, on the first patch."""

    name = "spatial_to_cls"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's values, rows of [L, H]."""
        self.put("cls", view.index, batch.index, metrics.spatial_to_cls(view.attention, view.n_prefix))
        self.put("first_patch", view.index, batch.index, metrics.spatial_to_first_patch(view.attention, view.n_prefix))


class AttentionDeviation(Collector):
    """How much attention differs between source positions, rows of [L, H], and between heads, rows of [L]."""

    name = "attention_deviation"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's deviations."""
        self.put("position", view.index, batch.index, metrics.position_deviation(view.attention, view.n_prefix))
        self.put("head", view.index, batch.index, metrics.head_deviation(view.attention, view.n_prefix))


class TopTokenShare(Collector):
    """Share of the attention that the most attended tenth of an image's patch tokens receives, rows of [L, H]."""

    name = "top_token_share"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's shares."""
        self.put("share", view.index, batch.index, metrics.top_token_share(patch_attention_of(view)))


class ChosenAttention(Collector):
    """Attention of chosen images: the CLS row [L, H, T] of `cls_images`, the whole map [L, H, T, T] of `whole_images`.

    The options are positions; a study asks for numbers of images, which are spread evenly over the dataset.
    """

    name = "chosen_attention"
    attention = True

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Return the positions of as many images as are asked for."""
        return {key: spread_positions(facts.n_images, count) for key, count in asked.items()}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the maps of those chosen images that are in the batch."""
        for key, positions in (("cls", self.options["cls_images"]), ("whole", self.options["whole_images"])):
            keep = np.flatnonzero(np.isin(batch.index, positions))
            if len(keep):
                maps = view.attention[torch.as_tensor(keep, device=view.attention.device)]
                self.put(key, view.index, batch.index[keep], maps[:, :, 0] if key == "cls" else maps)


def _distances(view: LayerView) -> Tensor:
    return view.once("distances", lambda: metrics.distance_table(view.grid, view.attention.device))
