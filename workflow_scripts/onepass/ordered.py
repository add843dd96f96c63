"""What those collectors share that follow images through time or pair them: they take batches in the dataset's order.

Their work is done when a batch is merged, with what they remember of earlier batches. The features they remember are those
that are still needed: never those of a whole dataset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor
from torch.nn.functional import normalize

from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector


class OrderedCollector(Collector):
    """Gathers the L2-normalised patch tokens of every image and layer of a batch, for `merge` to work with."""

    ordered = True

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(n_layers, folder, **options)
        self._tokens: dict[int, list[Tensor]] = {}  # image -> [N, D] per layer
        self._grids: dict[int, tuple[int, int]] = {}

    def _gather(self, view: LayerView, batch: Batch, wanted: set[int] | None = None) -> None:
        index = batch.index.tolist()
        for image, tokens, grid in zip(index, view.patch_tokens(batch), view.patch_grids(batch), strict=True):
            if wanted is None or image in wanted:
                self._tokens.setdefault(image, []).append(normalize(tokens.float(), dim=-1))
                self._grids[image] = grid
