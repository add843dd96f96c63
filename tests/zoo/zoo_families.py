"""One real architecture per family with every parameter randomised, and float64 references from the definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.registry import ModelEntry, entry_from_dict

SHARED = {"global_pool": "token", "use_rel_pos_bias": False, "use_shared_rel_pos_bias": True}


@dataclass(frozen=True)
class Family:
    """An architecture under test: the facts of its entry, its blocks and its final norm inside the library's model."""

    name: str
    adapter: str
    build: str
    dim: int
    heads: int
    patch: int
    prefix: int = 1
    image_size: Any = 224
    arguments: dict[str, Any] = field(default_factory=dict)

    def entry(self) -> ModelEntry:
        library = {"open_clip_vit": "open_clip", "torchvision_vit": "torchvision"}.get(self.adapter, "timm")
        return entry_from_dict(
            self.name,
            {
                "display_name": self.name,
                "supervision": "none",
                "method": "test",
                "architecture": self.build,
                "layers": 12,
                "heads": self.heads,
                "dim": self.dim,
                "patch": self.patch,
                "prefix_tokens": self.prefix,
                "image_size": self.image_size,
                "adapter": self.adapter,
                "build": {"library": library, "name": self.build, "arguments": self.arguments},
                "checkpoint": {"layout": "timm", "source": {"type": "path"}},
                "normalisation": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
                "licence": "none",
            },
        )


FAMILIES = [
    Family("dino_s16", "timm_vit", "vit_small_patch16_224.dino", 384, 6, 16),
    Family("dino_s16_non_square", "timm_vit", "vit_small_patch16_224.dino", 384, 6, 16, image_size=[96, 160]),
    Family("mae_b16", "timm_vit", "vit_base_patch16_224.mae", 768, 12, 16),
    Family("mocov3_s16", "timm_vit", "vit_small_patch16_224", 384, 12, 16, arguments={"num_heads": 12}),
    Family("dinov2reg_s14", "timm_vit", "vit_small_patch14_reg4_dinov2.lvd142m", 384, 6, 14, prefix=5),
    Family("deit3_s16", "timm_vit", "deit3_small_patch16_224.fb_in1k", 384, 6, 16),
    Family("clip_b32", "timm_vit", "vit_base_patch32_clip_quickgelu_224.openai", 768, 12, 32),
    Family("dinov3_s16", "timm_eva", "vit_small_patch16_dinov3.lvd1689m", 384, 6, 16, 5, 224),
    Family("dinov3_s16_qkvb", "timm_eva", "vit_small_patch16_dinov3_qkvb.lvd1689m", 384, 6, 16, 5, [96, 160]),
    Family("beit_b16", "timm_beit", "beit_base_patch16_224", 768, 12, 16, arguments={"global_pool": "token"}),
    Family("beit_b16_shared", "timm_beit", "beit_base_patch16_224", 768, 12, 16, image_size=[96, 160], arguments=SHARED),
    Family("openclip_b32", "open_clip_vit", "ViT-B-32", 768, 12, 32),
    Family("torchvision_b16", "torchvision_vit", "vit_b_16", 768, 12, 16),
]
BY_NAME = {family.name: family for family in FAMILIES}


def randomised(family: Family, seed: int = 0) -> nn.Module:
    """Return the library's model with every parameter random, so that biases, tables and layer scale all matter."""
    return randomise(build_model(family.entry()), seed)


def randomise(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter anew: matrices of unit gain, everything else around its neutral value by 0.3."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        draw = torch.randn(parameter.shape, generator=generator)
        is_matrix = parameter.ndim in (2, 4) and "relative_position" not in name and "positional" not in name
        if is_matrix:
            draw *= parameter[0].numel() ** -0.5
        else:
            neutral = 1.0 if name.endswith("weight") or "gamma" in name else 0.0
            draw = neutral + 0.3 * draw
        parameter.data.copy_(draw)
    return model


def images(entry: ModelEntry, n: int = 1, seed: int = 1) -> Tensor:
    """Return [n, 3, H, W] normal noise."""
    return torch.randn(n, 3, *entry.image_shape, generator=torch.Generator().manual_seed(seed))


def library_blocks(model: nn.Module, adapter: str) -> list[nn.Module]:
    """Return the blocks inside the library's own model."""
    if adapter == "open_clip_vit":
        return list(model.transformer.resblocks)
    return list(model.encoder.layers) if adapter == "torchvision_vit" else list(model.blocks)


def library_outputs(model: nn.Module, adapter: str, batch: Tensor) -> tuple[list[Tensor], Tensor]:
    """Return every block's output and the final norm's, as the library's own modules make them in its own forward."""
    norm = {"open_clip_vit": "ln_post", "torchvision_vit": "encoder.ln"}.get(adapter, "norm")
    outputs: list[Tensor] = []
    normed: list[Tensor] = []
    hooks = [
        block.register_forward_hook(lambda _m, _i, output: outputs.append(output)) for block in library_blocks(model, adapter)
    ]
    hooks.append(model.get_submodule(norm).register_forward_hook(lambda _m, _i, output: normed.append(output)))
    forward: Callable[[Tensor], Any] = getattr(model, "forward_features", model)
    with torch.inference_mode():
        forward(batch)
    for hook in hooks:
        hook.remove()
    assert len(normed) == 1
    return outputs, normed[0]


def rotation(grid: tuple[int, int], head_width: int, leave_out: bool = False) -> tuple[Tensor, Tensor]:
    """Return [N, d] cos and sin of DINOv3's axial RoPE, from its definition, in float64.

    Patch centres lie in [-1, 1] per axis and are float32 numbers; the periods are 100 ** (4 i / d), rounded to
    bfloat16 as in the released files.
    """
    quarter = head_width // 4
    periods = (100.0 ** (2 * torch.arange(quarter, dtype=torch.float32) / (head_width // 2))).bfloat16().double()
    axes = [2 * (torch.arange(0.5, n, dtype=torch.float32) / n) - 1 for n in grid]
    centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 2).double()
    angles = (2 * torch.pi * centres[:, :, None] / periods).reshape(len(centres), -1).repeat(1, 2)
    return (torch.ones_like(angles), torch.zeros_like(angles)) if leave_out else (angles.cos(), angles.sin())


def rotate(tokens: Tensor, n_prefix: int, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply `rotation` to the patch tokens of [B, H, T, d]."""
    patches = tokens[:, :, n_prefix:]
    half = patches.shape[-1] // 2
    swapped = torch.cat([-patches[..., half:], patches[..., :half]], dim=-1)
    return torch.cat([tokens[:, :, :n_prefix], patches * cos + swapped * sin], dim=2)


def relative_bias(table: Tensor, grid: tuple[int, int]) -> Tensor:
    """Return [H, T, T] of BEiT's bias from its [(2h-1)(2w-1)+3, H] table, by the published index rule."""
    rows, columns = grid
    offsets = (2 * rows - 1) * (2 * columns - 1)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    y, x = y.reshape(-1), x.reshape(-1)
    index = torch.full((rows * columns + 1,) * 2, offsets)
    index[1:, 1:] = (y[:, None] - y[None] + rows - 1) * (2 * columns - 1) + (x[:, None] - x[None] + columns - 1)
    index[1:, 0] = offsets + 1
    index[0, 0] = offsets + 2
    return table[index].permute(2, 0, 1)


def at(family: Family, **changes: Any) -> Family:
    """Return the family with some facts changed."""
    return dataclasses.replace(family, **changes)
