"""Collectors of how local attention is, each a few lines over `metrics.locality`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from workflow_scripts.metrics import locality as metrics
from workflow_scripts.metrics.attention import patch_attention
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts, spread_positions
from workflow_scripts.onepass.patch_attention import patch_attention_of


class AttentionInformation(Collector):
    """Mutual information of keys and queries of every image and layer in nats, rows of [L].

    Keys: ``head_average``, of the attention averaged over heads, and ``per_head_mean``, the mean over heads of each head's own.
    The first is at most the second for a model without prefix tokens; with them a head counts in the average of a query by its
    mass on patch tokens, and the order is no law.
    """

    name = "attention_information"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's values."""
        together = metrics.information(metrics.head_average(view.attention, view.n_prefix))
        per_head = metrics.information(patch_attention_of(view))
        self.put("head_average", view.index, batch.index, together)
        self.put("per_head_mean", view.index, batch.index, per_head.nanmean(1))


class ChosenHeadAverage(Collector):
    """Attention among the patch tokens of chosen images, for drawing.

    Rows by image: ``matrix`` [L, N, N], averaged over heads (`metrics.locality.head_average`), and ``heads`` [L, H, Q, N], the
    renormalised rows of Q chosen query tokens (`metrics.locality.query_cells`) in every head. A study asks for a number of
    `images`, which are spread evenly over the dataset, and for `queries` as [x, y], shares of the image's width and height.
    """

    name = "chosen_head_average"
    attention = True

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Return the positions of as many images as are asked for."""
        return {**asked, "images": spread_positions(facts.n_images, asked["images"])}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the matrices and rows of those chosen images that are in the batch."""
        keep = np.flatnonzero(np.isin(batch.index, self.options["images"]))
        if not len(keep):
            return
        cells = metrics.query_cells(self.options["queries"], view.grid)
        chosen = view.attention[torch.as_tensor(keep, device=view.attention.device)]
        self.put("matrix", view.index, batch.index[keep], metrics.head_average(chosen, view.n_prefix))
        if cells:
            rows = patch_attention(chosen, view.n_prefix)[:, :, cells]
            self.put("heads", view.index, batch.index[keep], rows)
