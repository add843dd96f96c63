"""The model contract: a ViT that yields one record per layer, in depth order, from a single forward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Layer:
    """Everything that one transformer block computed for a batch.

    B images, H heads, T tokens (prefix tokens first, then the patch grid in row-major order), d = head width,
    D = model width. All tensors live on the model's device and in its precision; none is a copy made for this record.

    Attributes:
        index: 1-based depth.
        n_prefix: number of prefix tokens (CLS, then registers).
        grid: (rows, columns) of the patch grid.
        input: [B, T, D] block input.
        norm1, norm2: [B, T, D] outputs of the block's two LayerNorms.
        query, key, value: [B, H, T, d] from the qkv projection, bias included, before scaling and before RoPE.
        query_rope, key_rope: [B, H, T, d] after RoPE, None for a model without RoPE.
        attention: [B, H, T, T] post-softmax probabilities with every bias and RoPE applied (rows sum to 1), or None if
            the pass did not ask for them.
        attn_out: [B, T, D] attention output after the output projection, before LayerScale.
        attn_branch: [B, T, D] what is added to the residual stream: attn_out after LayerScale.
        mid: [B, T, D] input + attn_branch.
        mlp_out: [B, T, D] MLP output before LayerScale.
        mlp_branch: [B, T, D] mlp_out after LayerScale.
        token: [B, T, D] block output, before the final norm.
        token_normed: [B, T, D] token after the model's final norm; only on the last layer, else None.
    """

    index: int
    n_prefix: int
    grid: tuple[int, int]
    input: Tensor
    norm1: Tensor
    norm2: Tensor
    query: Tensor
    key: Tensor
    value: Tensor
    query_rope: Tensor | None
    key_rope: Tensor | None
    attention: Tensor | None
    attn_out: Tensor
    attn_branch: Tensor
    mid: Tensor
    mlp_out: Tensor
    mlp_branch: Tensor
    token: Tensor
    token_normed: Tensor | None
