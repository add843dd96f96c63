"""In which precision a network multiplies.

The one rule: with ``bf16`` and ``fp16`` the products of the forward pass (patch embedding, projections, attention, MLP) are in
half precision, by PyTorch's autocast; weights, the residual stream, norms and softmax stay in float32. Layers hand out float32
(`zoo.vit.WideLayer`), so every statistic is summed, compared and fitted in float32 or float64 as it always is. Nearest
neighbours, probes and decoders never compute in half precision. That float32 is not TF32 on a GPU: `common.device`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from workflow_scripts.common.errors import AtlasError

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def products(precision: str, device: torch.device) -> AbstractContextManager:
    """Return the context in which a network's products are of `precision`: "float32", "bf16" or "fp16"."""
    return torch.autocast(device.type, HALVES[precision]) if precision in HALVES else nullcontext()


def require_precision(precision: str, device: str | torch.device) -> None:
    """Stop before anything is computed if `device` cannot multiply in `precision`.

    Raises:
        AtlasError: it cannot, or can only by imitating it.
    """
    if precision not in HALVES:
        return
    device = torch.device(device)
    try:
        if device.type == "cuda" and precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
            raise AtlasError(
                f"precision: bf16, but {torch.cuda.get_device_name(device)} has none; set precision: fp16 or float32"
            )
        one = torch.ones(1, 1, device=device)
        with products(precision, device):
            able = (one @ one).dtype == HALVES[precision]
    except (RuntimeError, TypeError) as error:
        able, said = False, f" ({str(error).splitlines()[0]})"
    else:
        said = ""
    if not able:
        raise AtlasError(f"precision: {precision}, but PyTorch cannot multiply in it on {device}{said}; set precision: float32")
