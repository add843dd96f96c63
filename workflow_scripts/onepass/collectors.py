"""The collectors: what the studies gather during a pass, each a few lines over `metrics`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import attention as metrics
from workflow_scripts.onepass.batch import Batch, LayerView, region_features
from workflow_scripts.onepass.collector import Collector, Wants
from workflow_scripts.onepass.gram_blocks import GramBlocks
from workflow_scripts.onepass.ordered import MatchedKeypoints, PropagatedLabels


class AverageAttention(Collector):
    """Sums over images of the average attention on each token: all, cls, spatial, spatial_pure, each [L, H, T].

    Option `n_classes`: with 1 or more also the ``all`` map of each image class, [L, classes, H, T].
    """

    name = "average_attention"
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's maps."""
        averages = metrics.average_attention(view.attention, view.patch_attention, view.n_prefix)
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
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's maps."""
        self.add("aligned", view.index, metrics.aligned_attention(view.patch_attention, view.grid))


class AttentionDistance(Collector):
    """Attention distance of every image, layer and head, rows of [L, H]."""

    name = "attention_distance"
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's distances."""
        distance = metrics.attention_distance(view.patch_attention, view.distances)
        self.put("distance", view.index, batch.index, distance)


class MaskIoU(Collector):
    """IoU of attention masks with the union of object masks, for images that keep an object on the patch grid.

    Rows of [L, H] per source (cls, spatial, centre) and of [L] for the map merged over heads.
    """

    name = "mask_iou"
    wants = Wants(attention=True, object_mask=True)

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
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's values, rows of [L, H]."""
        self.put("cls", view.index, batch.index, metrics.spatial_to_cls(view.attention, view.n_prefix))
        self.put("first_patch", view.index, batch.index, metrics.spatial_to_first_patch(view.attention, view.n_prefix))


class AttentionDeviation(Collector):
    """How much attention differs between source positions, rows of [L, H], and between heads, rows of [L]."""

    name = "attention_deviation"
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's deviations."""
        self.put("position", view.index, batch.index, metrics.position_deviation(view.attention, view.n_prefix))
        self.put("head", view.index, batch.index, metrics.head_deviation(view.attention, view.n_prefix))


class TopTokenShare(Collector):
    """Share of the attention that the most attended tenth of an image's patch tokens receives, rows of [L, H]."""

    name = "top_token_share"
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's shares."""
        self.put("share", view.index, batch.index, metrics.top_token_share(view.patch_attention))


class ChosenAttention(Collector):
    """Attention of chosen images: the CLS row [L, H, T] of `cls_images`, the whole map [L, H, T, T] of `whole_images`."""

    name = "chosen_attention"
    wants = Wants(attention=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the maps of those chosen images that are in the batch."""
        for key, positions in (("cls", self.options["cls_images"]), ("whole", self.options["whole_images"])):
            keep = np.flatnonzero(np.isin(batch.index, positions))
            if len(keep):
                maps = view.attention[torch.as_tensor(keep, device=view.attention.device)]
                self.put(key, view.index, batch.index[keep], maps[:, :, 0] if key == "cls" else maps)


class PooledFeatures(Collector):
    """CLS token and mean patch token of every image and layer (block output, before the final norm), rows of [L, D].

    Options: `facets`, of "cls" and "mean_patch" those to keep; `precision`, "float16" or "float32", of the rows.
    """

    name = "pooled_features"

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's features."""
        token, precision = view.layer.token, np.dtype(self.options["precision"])
        for facet in self.options["facets"]:
            value = token[:, 0] if facet == "cls" else token[:, view.n_prefix :].mean(1)
            if float(value.abs().max()) > float(np.finfo(precision).max):
                raise AtlasError(
                    f"a feature of layer {view.index} is too large for {precision}; set feature_precision: float32"
                )
            self.put(facet, view.index, batch.index, value, precision)


class ResidualRatio(Collector):
    """Norm of the skip connection over the norm of the branch that is added to it, of attention and of MLP, rows of [L].

    Per image: of the CLS token, of all patch tokens together and of all tokens together (Frobenius norms).
    """

    name = "residual_ratio"

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's ratios."""
        layer = view.layer
        for branch, skip, added in (("attention", layer.input, layer.attn_branch), ("mlp", layer.mid, layer.mlp_branch)):
            for tokens, part in (("cls", slice(0, 1)), ("spatial", slice(view.n_prefix, None)), ("all", slice(None))):
                norms = [torch.linalg.vector_norm(x[:, part].float(), dim=(1, 2)) for x in (skip, added)]
                self.put(f"{branch}_{tokens}", view.index, batch.index, norms[0] / norms[1])


class RegionFeatures(Collector):
    """Mask-weighted mean patch token of every object and part (block output), rows of [L, D] by region."""

    name = "region_features"
    wants = Wants(regions=True)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the features of the batch's regions."""
        tokens = view.patch_tokens(batch)
        for kind, regions in batch.regions.items():
            if len(regions.index):
                self.put(kind, view.index, regions.index, region_features(tokens, regions))


COLLECTORS: dict[str, type[Collector]] = {
    kind.name: kind
    for kind in (
        AverageAttention,
        AlignedAttention,
        AttentionDistance,
        MaskIoU,
        SpatialToCls,
        AttentionDeviation,
        TopTokenShare,
        ChosenAttention,
        PooledFeatures,
        GramBlocks,
        ResidualRatio,
        RegionFeatures,
        PropagatedLabels,
        MatchedKeypoints,
    )
}


def make_collectors(
    requests: dict[str, dict[str, Any]], n_layers: int, n_images: int, n_classes: int, folder: Path | None = None
) -> list[Collector]:
    """Return the collectors that a pass plan asks for.

    Args:
        requests: collector name -> options of the plan (`studies.plan`): `per_class` of average_attention; `cls_images`
            and `whole_images` of chosen_attention, numbers of images, spread evenly over the dataset; the others as the
            collectors name them.
        n_layers: layers of the model.
        n_images: images of the pass.
        n_classes: image classes of the dataset, 0 without labels.
        folder: where rows wait that do not fit in memory.

    Raises:
        AtlasError: no collector has that name.
    """
    collectors = []
    for name, options in requests.items():
        if name not in COLLECTORS:
            raise AtlasError(f"collector '{name}' is not known (known: {', '.join(COLLECTORS)})")
        options = dict(options)
        if name == "average_attention":
            options = {"n_classes": n_classes if options["per_class"] else 0}
        if name == "chosen_attention":
            options = {key: spread_positions(n_images, count) for key, count in options.items()}
        if name == "gram_blocks":
            options["n_images"] = n_images
        collectors.append(COLLECTORS[name](n_layers, folder, **options))
    return collectors


def spread_positions(count: int, limit: int) -> list[int]:
    """Return up to `limit` positions spread evenly over `count` images: the middles of `limit` equal parts."""
    limit = min(limit, count)
    return [int((i + 0.5) * count / limit) for i in range(limit)]
