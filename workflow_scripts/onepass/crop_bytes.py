"""How much memory a pass takes for what a model sees at once: what a batch is sized by, and what a scheduler is asked for."""

from __future__ import annotations

# Of one crop while one layer is alive, in float32. Token maps [T, D]: the dozen of the record, the hidden units of the MLP
# before and after their activation (4 D each), and copies that collectors make. Attention maps [H, T, T]: the probabilities,
# those among patches, and two copies of the dearest statistic (in the forward: logits and probabilities).
_TOKEN_MAPS, _ATTENTION_MAPS = 26, 4
_PIXELS = 6  # numbers: three of a pixel, as they come and normalised


def crop_bytes(tokens: int, dim: int, heads: int, pixels: int, attention: bool) -> int:
    """Return about how many bytes one crop takes in a pass, weights aside; rather too many than too few.

    Args:
        tokens: of a crop, prefix tokens among them.
        dim: width of the model.
        heads: of a layer.
        pixels: of a crop.
        attention: whether a collector reads attention; otherwise the fused kernel never forms it.
    """
    maps = _TOKEN_MAPS * tokens * dim + (_ATTENTION_MAPS * heads * tokens**2 if attention else 0)
    return 4 * (maps + _PIXELS * pixels)
