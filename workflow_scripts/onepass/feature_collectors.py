"""Collectors of features and of their norms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView, region_features
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.facets import stored


class PooledFeatures(Collector):
    """CLS token and mean patch token of every image and layer (block output, before the final norm), rows of [L, D].

    Options: `facets`, of "cls" and "mean_patch" those to keep; `precision`, "float16" or "float32", of the rows.
    """

    name = "pooled_features"

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's features."""
        precision = np.dtype(self.options["precision"])
        for facet in self.options["facets"]:
            value = view.layer.cls if facet == "cls" else view.layer.token[:, view.n_prefix :].mean(1)
            if float(value.abs().max()) > float(np.finfo(precision).max):
                raise AtlasError(
                    f"a feature of layer {view.index} is too large for {precision}; set feature_precision: float32"
                )
            self.put(facet, view.index, batch.index, value, precision)


class PooledNormed(Collector):
    """CLS token and mean patch token of every image as the model hands them out: of the last layer, after the final norm.

    Rows of [1, D]. Options: as those of `PooledFeatures`.
    """

    name = "pooled_normed"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(1, folder, **options)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's features, if the layer is the last."""
        tokens = view.layer.token_normed
        if tokens is None:
            return
        for facet in self.options["facets"]:
            value = tokens[:, 0] if facet == "cls" else tokens[:, view.n_prefix :].mean(1)
            precision = self.options["precision"]
            self.put(facet, 1, batch.index, stored(value, view.index, precision), np.dtype(precision))


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

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the features of the batch's regions."""
        tokens = view.patch_tokens(batch)
        for kind, regions in batch.regions.items():
            if len(regions.index):
                self.put(kind, view.index, regions.index, region_features(tokens, regions))
