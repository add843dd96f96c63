"""Collectors of the L2 norms of tokens: histograms of every layer, and every norm of chosen layers or images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.token_norms import BINS, norm_edges
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.chosen_layers import ChosenLayers
from workflow_scripts.onepass.collector import Collector, PassFacts, spread_positions
from workflow_scripts.onepass.facets import facet_of


class TokenNorms(Collector):
    """Histograms of the norms of all tokens of every layer, by kind of token, and the norm maps of chosen images.

    Sums over images, of the bins of `metrics.token_norms`: ``patch`` [L, 200], ``cls`` [L, 200], ``register`` [L, R, 200], each
    register by itself, as far as the model has such tokens: of the block output, before the final norm. ``patch_normed``,
    ``cls_normed``, ``register_normed``: the same after the final norm, of the last layer alone; 0 in the others. They take
    8 x 200 L (2 + R) bytes twice, whatever the number of images. Rows ``map`` [L, N]: the norms of the patch tokens of chosen
    images, before the final norm. A study asks for a number of `images`, which are spread evenly over the dataset.
    """

    name = "token_norms"

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Return the positions of as many images as are asked for."""
        return {**asked, "images": spread_positions(facts.n_images, asked["images"])}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's norms; put the maps of those chosen images that are in it."""
        self._count(view, batch, token_norms(view, "token"), "")
        if view.layer.token_normed is not None:
            self._count(view, batch, token_norms(view, "token_normed"), "_normed")
        keep = np.flatnonzero(np.isin(batch.index, self.options["images"]))
        if len(keep):
            maps = patch_norms(view, batch, "token")
            self.put("map", view.index, batch.index[keep], maps[torch.as_tensor(keep, device=maps.device)])

    def _count(self, view: LayerView, batch: Batch, norms: Tensor, end: str) -> None:
        patches = torch.cat([values[:, 0] for values in view.image_patches(batch, norms[..., None])])
        self.add(f"patch{end}", view.index, norm_histogram(patches))
        prefix = norms[:, : view.n_prefix].T
        if len(prefix):
            self.add(f"cls{end}", view.index, norm_histogram(prefix[0]))
        if len(prefix) > 1:
            self.add(f"register{end}", view.index, torch.stack([norm_histogram(one) for one in prefix[1:]]))


class PatchNorms(ChosenLayers):
    """The norm of every patch token of every image, of some layers, rows of [L, N] float32 by image.

    All of them, and not counts above thresholds, because the cutoff is known only after the pass, and what is asked then goes
    image by image: which patches are high, at which positions, on which images. They take 4 N bytes an image and layer, 5.5 kB
    for 37 x 37 patches, and wait on disk, so that memory does not grow with images. In single precision, as histograms count
    them, so that the same norms are above a cutoff. Options: `layers` ("all" or a list; -1 is the last) and `facets`, of
    "token" (block output, before the final norm) and "token_normed" (after it).
    """

    name = "patch_norms"

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        for facet in self.options["facets"]:
            self.put(facet, place, batch.index, patch_norms(view, batch, facet))


def token_norms(view: LayerView, facet: str) -> Tensor:
    """Return the norms of all tokens, [crops, T] float32, of a facet (`facet_of`)."""
    return view.once(f"norms of {facet}", lambda: torch.linalg.vector_norm(facet_of(view, facet).float(), dim=-1))


def patch_norms(view: LayerView, batch: Batch, facet: str) -> Tensor:
    """Return the norms [B, N] float32 of the patch tokens of every image, of a facet.

    Raises:
        AtlasError: images are cut into tiles.
    """
    if batch.tiles is not None:
        raise AtlasError("norms of patches are kept of images of one crop; choose a view without tiles")
    return token_norms(view, facet)[:, view.n_prefix :]


def norm_histogram(norms: Tensor) -> Tensor:
    """Return `metrics.token_norms.norm_counts` of norms [...], [200] int64, on their device."""
    return torch.bincount(norm_bins(norms).flatten(), minlength=BINS)


def norm_bins(norms: Tensor) -> Tensor:
    """Return the bin of each of norms [...], int64."""
    edges = torch.from_numpy(norm_edges()[1:-1]).to(norms.device)
    return torch.bucketize(norms.double(), edges)
