"""What timm's classes of ViT have in common."""

from __future__ import annotations

from typing import Any

from torch import nn

from workflow_scripts.zoo.coverage import require
from workflow_scripts.zoo.normalisation import Normalisation


def timm_facts(model: nn.Module, normalisation: Normalisation) -> dict[str, Any]:
    """Return those fields of a `Vit` that every timm ViT has under the same names."""
    weight = model.patch_embed.proj.weight
    return {
        "dim": model.embed_dim,
        "patch": tuple(model.patch_embed.patch_size),
        "image_size": tuple(model.patch_embed.img_size),
        "grid": tuple(model.patch_embed.grid_size),
        "n_prefix": model.num_prefix_tokens,
        "normalisation": normalisation,
        "device": weight.device,
        "dtype": weight.dtype,
        "convolution": model.patch_embed.proj,
        "final_norm": model.norm,
        "reference": model.forward_features,
    }


def require_final_norm(model: nn.Module, adapter: str) -> None:
    """Refuse a timm model that normalises after pooling only: it has no final norm for its tokens."""
    require(
        not isinstance(model.norm, nn.Identity),
        adapter,
        "the model has no final norm over tokens (timm moves it behind average pooling); "
        "add 'global_pool: token' to build.arguments if the checkpoint has norm.*",
    )
