"""The attention among patch tokens that several collectors read, made once for each layer."""

from __future__ import annotations

from torch import Tensor

from workflow_scripts.metrics.attention import patch_attention
from workflow_scripts.onepass.batch import LayerView


def patch_attention_of(view: LayerView) -> Tensor:
    """Return [B, H, N, N] attention among patch tokens, rows renormalised; computed once for all collectors."""
    return view.once("patch_attention", lambda: patch_attention(view.attention, view.n_prefix))
