"""Collectors of how local attention is, each a few lines over `metrics.locality`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.metrics import locality as metrics
from workflow_scripts.metrics.attention import patch_attention
from workflow_scripts.metrics.attention_matrices import query_cells
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts, spread_positions
from workflow_scripts.onepass.patch_attention import patch_attention_of


class AttentionInformation(Collector):
    """Mutual information of keys and queries of every image and layer in nats.

    Rows: ``head_average`` [L], of the attention averaged over heads, and ``per_head`` [L, H], of each head's own. The first is
    at most the mean of the second for a model without prefix tokens; with them a head counts in the average of a query by its
    mass on patch tokens, and the order is no law. 0 where no query attends to any patch.
    """

    name = "attention_information"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's values."""
        self.put("head_average", view.index, batch.index, metrics.information(_head_average(view)))
        self.put("per_head", view.index, batch.index, metrics.information(patch_attention_of(view)))


class MeanHeadAverage(Collector):
    """Sum over images of the attention among patch tokens averaged over heads: ``matrix`` [L, N, N].

    8 L N^2 bytes: 15 MB for 12 layers and 20 x 20 patches, 54 MB for 24 layers and 23 x 23.
    """

    name = "mean_head_average"
    attention = True

    def update(self, view: LayerView, batch: Batch) -> None:
        """Add the batch's matrices."""
        self.add("matrix", view.index, _head_average(view).sum(0))


class ChosenHeadAverage(Collector):
    """Attention among the patch tokens of chosen images, for drawing.

    Rows by image: ``matrix`` [L, N, N], averaged over heads (`metrics.locality.head_average`), and ``heads`` [L, H, Q, N], the
    renormalised rows of Q chosen query tokens (`metrics.attention_matrices.query_cells`) in every head. A study asks
    for a number of `images`, which are spread evenly over the dataset, and for `queries` as [x, y], shares of the image's width
    and height.
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
        cells = query_cells(self.options["queries"], view.grid)
        chosen = view.attention[torch.as_tensor(keep, device=view.attention.device)]
        self.put("matrix", view.index, batch.index[keep], metrics.head_average(chosen, view.n_prefix))
        if cells:
            rows = patch_attention(chosen, view.n_prefix)[:, :, cells]
            self.put("heads", view.index, batch.index[keep], rows)


def _head_average(view: LayerView) -> Tensor:
    return view.once("head_average", lambda: metrics.head_average(view.attention, view.n_prefix))
