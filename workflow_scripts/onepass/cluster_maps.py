"""Images segmented by codebooks, at every layer and facet: how clusters meet classes, and where in the image they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.intervals import poisson_weights
from workflow_scripts.metrics.pixel_clusters import cluster_counts, pixel_clusters, place_counts
from workflow_scripts.metrics.position_information import canvas_points
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.codebooks import NORMED
from workflow_scripts.onepass.collector import Collector, PassFacts, spread_positions
from workflow_scripts.onepass.facets import facet_of

RAW = "token_raw"  # the last layer's tokens before the final norm, where `token` there is after it


class ClusterMaps(Collector):
    """Pixels by cluster and class, points of a canvas by cluster and place, and the maps of some images.

    By facet of the codebooks: {facet}_counts [L, K, C], pixels of class c in cluster k over all images, void left out;
    {facet}_draws [L, R, K, C], the same in R resamples of the images (`metrics.intervals.poisson_weights`), 8 R K C bytes a
    layer however many images there are (0.6 MB for K = C = 27 and R = 100); {facet}_places [L, K, P], how often cluster k is at
    each of the P points of the canvas; rows {facet}_map [L, P] int16 of the example images, the clusters at these points. Where
    the codebooks have the last layer's tokens after the final norm, `token` is these in the last layer, and token_raw_counts
    and token_raw_draws have there those before it (zeros elsewhere).

    Options: `codebooks` (arrays of the fit of that name), `canvas` (points along a side), `examples` (positions), `draws` (R)
    and `seed` of the resampling. A study asks for the codebooks by their fit, and for a number of examples, which are spread
    evenly over the dataset.
    """

    name = "cluster_maps"

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Read the codebooks, and choose the examples."""
        arrays = load_file(asked["codebooks"])
        codebooks = {facet: value for facet, value in arrays.items() if not facet.endswith("_loss")}
        return {**asked, "codebooks": codebooks, "examples": spread_positions(facts.n_images, asked["examples"])}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Segment the batch by the layer's codebooks."""
        assert batch.classes is not None, "cluster_maps needs class maps"
        if batch.tiles is not None:
            raise AtlasError("cluster_maps: segments images that are one crop; choose a view without tiles")
        size = tuple(batch.classes.pixels.shape[1:])
        rows, columns = (torch.from_numpy(axis) for axis in canvas_points(size, self.options["canvas"]))
        weights = torch.from_numpy(poisson_weights(batch.index, self.options["draws"], self.options["seed"]).astype(float))
        keep = np.flatnonzero(np.isin(batch.index, self.options["examples"]))
        for name, features, centroids in self._facets(view):
            clusters = pixel_clusters(features, centroids, view.grid, size)
            # In float64, which sums whole numbers exactly: float32 would lose counts of large batches.
            counts = cluster_counts(clusters, len(centroids), batch.classes.pixels, batch.classes.count).double()
            drawn = torch.tensordot(weights.to(counts.device), counts, ([0], [0]))
            self.add(f"{name}_counts", view.index, counts.sum(0).cpu().numpy())
            self.add(f"{name}_draws", view.index, drawn.cpu().numpy())
            if name == RAW:
                continue
            seen = clusters[:, rows.to(clusters.device)][:, :, columns.to(clusters.device)].flatten(1)
            self.add(f"{name}_places", view.index, place_counts(seen, len(centroids)).cpu().numpy())
            if len(keep):
                self.put(f"{name}_map", view.index, batch.index[keep], seen.cpu().numpy()[keep], np.int16)

    def _facets(self, view: LayerView) -> Iterator[tuple[str, Tensor, Tensor]]:
        """Yield name, patch features [B, N, D] and centroids [K, D] of the facets of a layer."""
        last, normed = view.index == self.n_layers, NORMED in self.options["codebooks"]
        for facet, centroids in self.options["codebooks"].items():
            if facet == NORMED and not last:
                continue
            name = {NORMED: "token", "token": RAW}.get(facet, facet) if last and normed else facet
            features = facet_of(view, facet)[:, view.n_prefix :].float()
            own = centroids[0 if facet == NORMED else view.index - 1]
            yield name, features, torch.from_numpy(own).to(features.device)
