"""Collector of the boxes that LOST finds: four numbers an image and choice instead of its features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.metrics.object_discovery import discovered_boxes
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.chosen_layers import ChosenLayers
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.facets import facet_of


class DiscoveredBoxes(ChosenLayers):
    """The box of the object that LOST finds in every image, of some layers, facets and biases.

    Rows by image, named by the facet, [L, S, 4] int32: (x0, y0, x1, y1) in patches, ends exclusive, of S biases; in pixels they
    are `metrics.corloc.pixel_boxes`, by the size that the image had before padding. Options: `layers` ("all" or a
    list; -1 is the last), `facets` (`onepass.facets`: key, value, query, token, token_normed, ...) and `biases`, as shares of
    the mean size of the image's Gram matrix. One product of an image's features with themselves serves all biases.

    Studies that ask for other choices share them, and each needs some: `layers` [L] int64, from 1, and `biases` [S] float64 say
    which layers and biases the rows are of.
    """

    name = "discovered_boxes"

    def state(self) -> dict[str, Any]:
        """Return the rows, and what they are of."""
        layers, biases = self.options["layers"], self.options["biases"]
        return super().state() | {"layers": np.array(layers, np.int64), "biases": np.array(biases, np.float64)}

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], folder: Path | None = None, **options: Any) -> Collector:
        """Rebuild a collector from its `state`."""
        own = {key: value for key, value in arrays.items() if key not in ("layers", "biases")}
        return super().from_state(own, folder, **options)

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        grids = view.patch_grids(batch)
        for facet in self.options["facets"]:
            images = zip(view.image_patches(batch, facet_of(view, facet)), grids, strict=True)
            with torch.inference_mode():
                boxes = [discovered_boxes(patches, grid, self.options["biases"]) for patches, grid in images]
            self.put(facet, place, batch.index, np.stack(boxes), np.int32)
