"""The embeddings of patch tokens by name, as what compares patches one by one asks for them."""

from __future__ import annotations

from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.batch import LayerView

EMBEDDINGS = ("query", "key", "value", "query_rope", "key_rope", "token", "token_normed")


def patch_embeddings(view: LayerView, embedding: str) -> Tensor:
    """Return an embedding of the patch tokens of a batch, [B, N, D], heads side by side.

    Args:
        view: the layer.
        embedding: ``query``, ``key``, ``value``: of the qkv projection, bias included, before scaling and before RoPE.
            ``query_rope``, ``key_rope``: after RoPE, where the model has it. ``token``: block output before the final norm.
            ``token_normed``: the same, but of the last layer after the final norm.

    Raises:
        AtlasError: no embedding has that name.
    """
    if embedding not in EMBEDDINGS:
        raise AtlasError(f"embedding '{embedding}' is not known; choose of {', '.join(EMBEDDINGS)}")
    value = getattr(view.layer, embedding)
    if value is None:  # a model without RoPE, a layer that is not the last
        value = getattr(view.layer, embedding.split("_")[0])
    if not embedding.startswith("token"):
        value = value.transpose(1, 2).flatten(2)
    return value[:, view.n_prefix :]
