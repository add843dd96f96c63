"""Collector of single tokens that stand for their image: high-norm ones, normal ones and CLS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file

from workflow_scripts.metrics.token_draws import draw_tokens
from workflow_scripts.onepass.batch import Batch, LayerView
from workflow_scripts.onepass.collector import Collector, PassFacts
from workflow_scripts.onepass.facets import stored
from workflow_scripts.onepass.token_norms import patch_norms


class DrawnTokens(Collector):
    """Features of patch tokens drawn at random by kind, and of CLS: of the last layer, before the final norm.

    Rows by image: ``high`` [1, K, D], K draws among the patches whose norm is above the cutoff, of the images that have one;
    ``normal`` [1, K, D] among the others; ``cls`` [1, 1, D], of a model that has it. An image's draws depend on the seed and
    its position alone. Options: `cutoff`, a norm, or the fit `norm_cutoff`; `draws` (K); `precision`; `seed`.
    """

    name = "drawn_tokens"

    def __init__(self, n_layers: int, folder: Path | None = None, **options: Any) -> None:
        super().__init__(1, folder, **options)

    @classmethod
    def options_for(cls, asked: Mapping[str, Any], facts: PassFacts) -> dict[str, Any]:
        """Read the cutoff, if it is a fit's."""
        given = asked["cutoff"]
        return {**asked, "cutoff": float(load_file(given)["cutoff"][0]) if isinstance(given, str) else given}

    def update(self, view: LayerView, batch: Batch) -> None:
        """Put the batch's tokens, if the layer is the last."""
        if view.layer.token_normed is None:
            return
        high = patch_norms(view, batch, "token").cpu().numpy() > self.options["cutoff"]
        for kind, among in (("high", high), ("normal", ~high)):
            keep = np.flatnonzero(among.any(1))
            if len(keep):
                index = batch.index[keep]
                tokens = view.n_prefix + draw_tokens(among[keep], index, self.options["draws"], self.options["seed"])
                self._put(view, kind, index, keep[:, None], tokens)
        if view.n_prefix:
            self._put(view, "cls", batch.index, np.arange(len(batch))[:, None], np.zeros((len(batch), 1), np.int64))

    def _put(self, view: LayerView, kind: str, index: np.ndarray, images: np.ndarray, tokens: np.ndarray) -> None:
        values, precision = view.layer.token, self.options["precision"]
        chosen = values[tuple(torch.from_numpy(part).to(values.device) for part in (images, tokens))]
        self.put(kind, 1, index, stored(chosen, view.index, precision), np.dtype(precision))
