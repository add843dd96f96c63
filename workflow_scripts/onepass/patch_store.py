"""Single patch features for what needs them one by one (nearest neighbours, probes, hyperplanes): chosen, never all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts
from workflow_scripts.onepass.facets import facet_of, stored
from workflow_scripts.onepass.stores import patches_per_image, stored_layers


class PatchStore(Collector):
    """Features of a bounded, seeded choice of patches, evenly over images: rows of [L, D] by patch, L the chosen layers.

    Every image gives the same number of patches, so that row r is of image r // that number; ``cell`` holds which of its cells
    each is. Of an image cut into tiles they are numbered tile by tile, and all images have as many. Which they are depends
    on the seed and the image's position alone, not on the batch. A study asks for `patches` in all, `layers` ("all" or a list;
    -1 is the last), `facets` (token, query, key, value: heads side by side), `precision` and `seed`.
    """

    name = "patch_store"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(len(options["layers"]), folder, **options)
        self.grid = 0  # patches of an image, of those seen so far

    def merge(self, other: Collector) -> None:
        """Take in what `other` has kept of images with as many patches each.

        Raises:
            AtlasError: they have another number of patches, so that rows would be of other images than they seem.
        """
        assert isinstance(other, PatchStore), "a collector of another kind"
        if self.grid and other.grid and self.grid != other.grid:
            raise AtlasError(
                f"patch_store: images of {self.grid} and {other.grid} patches; choose a dataset whose images have one size, or "
                "a view that gives them one"
            )
        self.grid = self.grid or other.grid
        super().merge(other)

    def state(self) -> dict[str, Any]:
        """Return the rows, and how many patches the images have that they are of."""
        return super().state() | {"grid": np.array([self.grid], np.int64)}

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], folder: Path | None = None, **options: Any) -> Collector:
        """Rebuild a collector from its `state`."""
        collector = super().from_state({key: value for key, value in arrays.items() if key != "grid"}, folder, **options)
        assert isinstance(collector, PatchStore)
        collector.grid = int(arrays["grid"][0])
        return collector

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Resolve the layers, and the number of patches by that of the images."""
        return {**asked, "layers": stored_layers(asked["layers"], facts.n_layers), "n_images": facts.n_images}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the chosen patches of the batch, if the layer is one of the chosen."""
        if view.index not in self.options["layers"]:
            return
        place = self.options["layers"].index(view.index) + 1
        tiles = _tiles_of_each(view, batch)
        grid = view.grid[0] * view.grid[1] * tiles
        count = patches_per_image(self.options["patches"], self.options["n_images"], grid)
        cells = np.stack([_chosen(self.options["seed"], image, grid, count) for image in batch.index.tolist()])
        rows = (batch.index[:, None] * count + np.arange(count)).ravel()
        self.grid = grid
        crop, cell = np.divmod(cells, grid // tiles)
        crop = torch.from_numpy(crop + tiles * np.arange(len(batch))[:, None])
        where = torch.from_numpy(cell + view.n_prefix)
        self.put("cell", place, rows, cells.ravel(), np.int32)
        for facet in self.options["facets"]:
            values = facet_of(view, facet)
            chosen = values[crop.to(values.device), where.to(values.device)].flatten(0, 1)
            kept = stored(chosen, view.index, self.options["precision"])
            self.put(facet, place, rows, kept, np.dtype(self.options["precision"]))


def _tiles_of_each(view: LayerView, batch: Batch) -> int:
    """Return how many tiles each image of a batch is.

    Raises:
        AtlasError: tiles overlap, so that a patch would be kept twice, or images differ in their number.
    """
    if batch.tiles is None:
        return 1
    rows, columns = view.grid
    tiles = {(height // rows) * (width // columns) for height, width in batch.tiles}
    if any(height % rows or width % columns for height, width in batch.tiles):
        raise AtlasError("patch_store: tiles overlap; choose a view that cuts images into whole tiles")
    if len(tiles) > 1 or len(view.layer.token) != len(batch) * min(tiles):
        raise AtlasError(
            f"patch_store: images of {' and '.join(map(str, sorted(tiles)))} tiles; choose a dataset whose images have one size"
        )
    return tiles.pop()


def _chosen(seed: int, image: int, grid: int, count: int) -> np.ndarray:
    """Return the cells of an image that are kept, sorted, [count]."""
    return np.sort(np.random.default_rng([seed, image]).permutation(grid)[:count])
