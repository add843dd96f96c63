"""Collector of how alike patches are to their neighbours at the patch embedding, by their norm at the output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import neighbour_cosine as metrics
from workflow_scripts.metrics.binned_density import COSINE_BINS, cosine_edges
from workflow_scripts.metrics.token_norms import BINS
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.token_norms import norm_bins, patch_norms


class NeighbourCosines(Collector):
    """Cosines of each patch with its 2 to 4 neighbours on the grid, as the patch embedding puts them out, before positions.

    Sum ``pairs`` [1, 200, 400]: how many pairs of a patch and a neighbour of it there are, by the norm of the patch in the last
    layer, before the final norm (bins of `metrics.token_norms`), and the cosine (bins of `metrics.binned_density`). So whatever
    cutoff the norms turn out to have, both kinds of patches have their histogram of single pairs, in 640 kB of any number of
    images. Rows ``mean`` [1, N] float32: each patch's mean over its neighbours, for what goes image by image.
    """

    name = "neighbour_cosines"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(1, folder, **options)

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's pairs and put its means, if the layer is the last.

        Raises:
            AtlasError: patches have no neighbours, or images are cut into tiles.
        """
        if view.layer.token_normed is None:
            return
        if view.grid == (1, 1):
            raise AtlasError("neighbour_cosines: images of one patch, which has no neighbours; choose a larger view")
        norms = patch_norms(view, batch, "token")
        right, below = metrics.neighbour_cosines(view.layer.patch_embed().float(), view.grid)
        patch, cosines = metrics.pairs_of_patches(right, below)
        bins = torch.bucketize(cosines.double(), torch.from_numpy(cosine_edges()[1:-1]).to(cosines.device), right=True)
        cell = norm_bins(norms)[:, patch] * COSINE_BINS + bins
        self.add("pairs", 1, torch.bincount(cell.flatten(), minlength=BINS * COSINE_BINS).reshape(BINS, COSINE_BINS))
        self.put("mean", 1, batch.index, metrics.mean_cosines(right, below))
