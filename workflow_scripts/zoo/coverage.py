"""Refusing, at load, an architecture that an adapter would compute wrongly."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.vit import Vit

TOLERANCE = 1e-4
"""Largest difference between the library's forward and the adapter's, relative to the largest output, in float32."""


def require(condition: bool, adapter: str, reason: str) -> None:
    """Raise an `AtlasError` that adapter `adapter` does not cover the architecture because of `reason`."""
    if not condition:
        raise AtlasError(f"adapter '{adapter}' does not cover this architecture: {reason}")


def layer_scale(module: nn.Module, adapter: str) -> Tensor | None:
    """Return the [D] gamma of a LayerScale module, None for an Identity; anything else is not covered."""
    if isinstance(module, nn.Identity):
        return None
    gamma = getattr(module, "gamma", None)
    require(isinstance(gamma, Tensor) and gamma.ndim == 1, adapter, f"layer scale is a {type(module).__name__}")
    return gamma


def joined_bias(attn: nn.Module) -> Tensor | None:
    """Return the [3 * H * d] qkv bias of a timm attention with separate q and v biases and none on k; None if none."""
    if attn.q_bias is None:
        return None
    return torch.cat((attn.q_bias, attn.k_bias, attn.v_bias)).detach()


def multihead_parts(attn: nn.Module, adapter: str) -> tuple[Tensor, Tensor | None]:
    """Return the [3D, D] qkv weight and [3D] bias of an `nn.MultiheadAttention`.

    Raises:
        AtlasError: it is another class, or has separate projections or the added key and value bias tokens.
    """
    require(type(attn) is nn.MultiheadAttention, adapter, f"attention is a {type(attn).__name__}")
    require(attn.in_proj_weight is not None, adapter, "query, key and value have separate projections")
    require(attn.bias_k is None and not attn.add_zero_attn, adapter, "attention adds bias or zero tokens")
    return attn.in_proj_weight, attn.in_proj_bias


def check_against_library(vit: Vit, name: str, adapter: str) -> None:
    """Compare `vit` with the library's own forward on one random image, with and without explicit attention.

    Meant for float32 on the CPU, where the tolerance means something.

    Raises:
        AtlasError: the two differ, so the adapter misses something that this architecture does.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, *vit.image_size, generator=generator).to(vit.device, vit.dtype)
    with torch.inference_mode():
        expected = vit.reference(images)
    for attention in (False, True):
        for layer in vit.layers(images, attention=attention):
            found = layer.token_normed
            del layer
        difference = _relative_difference(found, expected)
        # `not <=` and not `>`: a NaN must be refused too.
        if not difference <= TOLERANCE:
            raise AtlasError(
                f"model '{name}': adapter '{adapter}' differs from the library's own forward by {difference:.1e} "
                f"(relative, allowed {TOLERANCE:.0e}); this architecture is not covered"
            )


def _relative_difference(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float((found - expected).abs().max() / expected.abs().max())
