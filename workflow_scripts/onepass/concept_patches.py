"""Features of what concepts are learnt from: of CLS in classification, of chosen patches in segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.chosen_layers import ChosenLayers
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.facets import facet_of, stored
from workflow_scripts.onepass.stores import patches_per_image


class ClsFacets(ChosenLayers):
    """The CLS position of facets, rows of [L, D] by image, L the chosen layers.

    Further options: `facets`, of those of `facets.facet_of`; `precision` of the rows.
    """

    name = "cls_facets"

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        for facet in self.options["facets"]:
            values = stored(facet_of(view, facet)[:, 0], view.index, self.options["precision"])
            self.put(facet, place, batch.index, values, np.dtype(self.options["precision"]))


class ConceptPatches(ChosenLayers):
    """Facets of patches chosen by `data.concept_choice`, rows of [L, D] by patch, L the chosen layers.

    Row r is patch r of the choice; rows whole_{facet} of [L, N, D] are all patches of the images that it keeps whole. Further
    options: `facets` and `precision` as above; `patches`, of the even choice over all images; `patches_per_concept`;
    `whole_images` of a concept; `seed`.
    """

    name = "concept_patches"

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Resolve the layers, and note the number of images."""
        return {**super().options_for(asked, facts), "n_images": facts.n_images}

    def _keep(self, view: LayerView, batch: Batch, place: int) -> None:
        assert batch.concepts is not None, "concept_patches needs concepts"
        if batch.tiles is not None:
            raise AtlasError("concept_patches: keeps patches of images that are one crop; choose a view without tiles")
        grid = view.grid[0] * view.grid[1]
        each = patches_per_image(self.options["patches"], self.options["n_images"], grid)
        options = (self.options[name] for name in ("patches_per_concept", "whole_images", "seed"))
        choice = batch.concepts.chosen(each, *options)
        starts, stops = (np.searchsorted(choice.image, batch.index, side) for side in ("left", "right"))
        rows = np.concatenate([np.arange(*ends) for ends in zip(starts, stops, strict=True)])
        images, cells = np.repeat(np.arange(len(batch)), stops - starts), choice.cell[rows] + view.n_prefix
        whole = np.flatnonzero(np.isin(batch.index, choice.whole))
        numbers, precision = np.searchsorted(choice.whole, batch.index[whole]), np.dtype(self.options["precision"])
        for facet in self.options["facets"]:
            values = facet_of(view, facet)
            where = (torch.from_numpy(part).to(values.device) for part in (images, cells))
            kept = stored(values[tuple(where)], view.index, self.options["precision"])
            self.put(facet, place, rows, kept, precision)
            if len(whole):
                all_of = values[torch.from_numpy(whole).to(values.device), view.n_prefix :]
                self.put(f"whole_{facet}", place, numbers, stored(all_of, view.index, self.options["precision"]), precision)
