"""The facets of all tokens of a layer by name."""

from __future__ import annotations

import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import LayerView

_OTHER_NAMES = {"attention_output": "mid", "attention_projected": "attn_out"}


def facet_of(view: LayerView, facet: str) -> torch.Tensor:
    """Return a facet of all tokens, [B, T, D], heads side by side.

    Args:
        view: the layer.
        facet: ``query``, ``key``, ``value``; ``token``, the block's output; ``token_normed``, the same after the model's final
            norm, in every layer; ``attention_output``, after attention and the skip connection around it;
            ``attention_projected``, what attention's projection gives, before LayerScale and without the skip connection.

    Raises:
        AtlasError: the layer has no such facet.
    """
    if facet == "token_normed" and view.layer.token_normed is None:
        with torch.inference_mode():
            return view.layer.final_norm(view.layer.token)
    value = getattr(view.layer, _OTHER_NAMES.get(facet, facet), None)
    if not isinstance(value, torch.Tensor):
        raise AtlasError(f"facet '{facet}': layer {view.index} of this model has no such; ask for query, key, value or token")
    return value if value.ndim == 3 else value.transpose(1, 2).flatten(2)


def stored(values: torch.Tensor, layer: int, precision: str) -> torch.Tensor:
    """Return features as they are, if they can be kept in that precision.

    Raises:
        AtlasError: one is too large for it.
    """
    if values.numel() and float(values.abs().max()) > float(torch.finfo(getattr(torch, precision)).max):
        raise AtlasError(f"a feature of layer {layer} is too large for {precision}; set feature_precision: float32")
    return values
