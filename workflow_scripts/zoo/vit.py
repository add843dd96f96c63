"""The model contract: a ViT that yields one record per layer, in depth order, from a single forward pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.normalisation import Normalisation
from workflow_scripts.zoo.precision import HALVES, products


@dataclass(frozen=True)
class Layer:
    """Everything that one transformer block computed for a batch.

    B images, H heads, T tokens (prefix tokens first, then the patch grid in row-major order), d = head width,
    D = model width. All tensors live on the model's device and have its dtype; none is a copy made for this record.

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
        final_norm: the model's final norm, [B, T, D] -> [B, T, D], for who wants it of another layer.
        patch_embed: makes [B, N, D], what the patch embedding puts out, before positions and norm; the same for all layers.
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
    final_norm: Callable[[Tensor], Tensor]
    patch_embed: Callable[[], Tensor]

    @property
    def cls(self) -> Tensor:
        """[B, D] the first token of the block output."""
        return self.token[:, 0]

    @property
    def checksum(self) -> Tensor:
        """[B] sum of the block output of each image, finite only if all its terms are: one cheap read of everything."""
        return self.token.sum((1, 2))


class WideLayer(Layer):
    """A layer whose products were made in half precision: each facet is widened when it is first read, and then kept.

    Nobody waits, and no memory is taken, for what no collector wants.
    """

    def __init__(self, layer: Layer, dtype: torch.dtype) -> None:
        """Hand out the tensors of `layer` as `dtype`."""
        given = {field.name: getattr(layer, field.name) for field in fields(Layer)}
        narrow = {name for name, value in given.items() if isinstance(value, Tensor) and value.dtype != dtype}
        kept = {name: value for name, value in given.items() if name not in narrow}
        # The record is frozen: these are its first values.
        self.__dict__.update(kept, _narrow={name: given[name] for name in narrow}, _dtype=dtype)

    def __getattr__(self, facet: str) -> Tensor:
        """Widen a facet; called for what is not there yet."""
        if facet.startswith("_") or facet not in self._narrow:
            raise AttributeError(facet)
        value = self.__dict__[facet] = self._narrow.pop(facet).to(self._dtype)
        return value


@dataclass(frozen=True)
class BlockParts:
    """What one pre-norm transformer block consists of, in the same terms for every family.

    Attributes:
        norm1, norm2: LayerNorms before attention and MLP, [B, T, D] -> [B, T, D].
        qkv_weight: [3 * H * d, D], rows in the order query, key, value.
        qkv_bias: [3 * H * d] or None.
        n_heads: H.
        project: output projection, [B, T, H * d] -> [B, T, D].
        scale1, scale2: [D] LayerScale of the attention and of the MLP branch, or None.
        mlp: [B, T, D] -> [B, T, D].
        rotate: RoPE, [B, H, T, d] -> [B, H, T, d] for query and for key, or None.
        attention_bias: gives the bias added to the scaled logits, broadcastable to [B, H, T, T], or None. A function,
            so that a table per block is expanded only while its block runs.
    """

    norm1: Callable[[Tensor], Tensor]
    qkv_weight: Tensor
    qkv_bias: Tensor | None
    n_heads: int
    project: Callable[[Tensor], Tensor]
    scale1: Tensor | None
    norm2: Callable[[Tensor], Tensor]
    mlp: Callable[[Tensor], Tensor]
    scale2: Tensor | None
    rotate: Callable[[Tensor], Tensor] | None = None
    attention_bias: Callable[[], Tensor] | None = None


@dataclass
class Vit:
    """A Vision Transformer that hands out what each of its blocks computed.

    The blocks are stepped through with the library's own modules and weights, so that query, key and value are computed
    once. Built by the adapter of its family (`timm_vit`, `timm_eva`, ...), after the weights are in place.

    Attributes:
        patch: (rows, columns) in pixels of one patch.
        image_size: (rows, columns) in pixels of the images it takes.
        grid: (rows, columns) of the patch grid.
        n_prefix: tokens before the patch tokens (CLS, then registers).
        convolution: [B, 3, H, W] normalised images -> [B, D, R, C], the patch embedding on the grid, bias included.
        embed: [B, 3, H, W] normalised images -> [B, T, D] input of the first block.
        final_norm: [B, T, D] -> [B, T, D].
        reference: [B, 3, H, W] -> [B, T, D], the library's own forward up to and including the final norm; None for a
            Vit that has no library behind it.
        precision: of the products in `layers` (`zoo.precision`): "float32", "bf16" or "fp16".
    """

    dim: int
    n_heads: int
    patch: tuple[int, int]
    image_size: tuple[int, int]
    grid: tuple[int, int]
    n_prefix: int
    normalisation: Normalisation
    device: torch.device
    dtype: torch.dtype
    convolution: Callable[[Tensor], Tensor]
    embed: Callable[[Tensor], Tensor]
    blocks: Sequence[BlockParts]
    final_norm: Callable[[Tensor], Tensor]
    reference: Callable[[Tensor], Tensor] | None = None
    precision: str = "float32"

    @property
    def n_layers(self) -> int:
        """Number of transformer blocks."""
        return len(self.blocks)

    def layers(self, images: Tensor, attention: bool | Collection[int] = False) -> Iterator[Layer]:
        """Run one forward pass and yield a `Layer` per block, in depth order.

        A record holds its layer's attention. Nothing here keeps it, so one layer's attention is alive at a time if the
        caller ends the body of its loop with ``del layer`` (a loop variable outlives its iteration).

        Args:
            images: [B, 3, H, W], normalised with `normalisation`, of `image_size`; moved to `device` and `dtype`.
            attention: True for the attention probabilities of every layer, or the 1-based layers that need them.
                Layers without use the fused kernel of the library, which never forms the matrix.

        Raises:
            AtlasError: `images` has another shape than the model takes.
        """
        self._check(images)
        wanted = frozenset(range(1, self.n_layers + 1)) if attention is True else frozenset(attention or ())
        return self._layers(images.to(self.device, self.dtype), wanted)

    def encoded(self, images: Tensor, kept: Tensor) -> Tensor:
        """Return the prefix tokens and some of the patches, after the final norm, [B, P + K, D]; the others never enter.

        As MAE encodes images (He et al. 2022): patches are left out when they have their positions, before the first block.

        Args:
            images: [B, 3, H, W], as for `layers`.
            kept: [B, K] which patches, in the row-major order of the grid, on `device`.

        Raises:
            AtlasError: `images` has another shape than the model takes, or attention depends on places beside the tokens.
        """
        self._check(images)
        if any(parts.rotate or parts.attention_bias for parts in self.blocks):
            raise AtlasError("patches can be left out of a model with absolute positions alone; choose another")
        with torch.inference_mode():
            images = images.to(self.device, self.dtype)
            x = self.embed(images)
            patches = torch.take_along_dim(x[:, self.n_prefix :], kept[..., None], 1)
            x = torch.cat([x[:, : self.n_prefix], patches], 1)
            for index, parts in enumerate(self.blocks, start=1):
                x = self._run(index, parts, x, images, with_attention=False).token
            return self.final_norm(x)

    def _check(self, images: Tensor) -> None:
        if images.ndim != 4 or tuple(images.shape[1:]) != (3, *self.image_size):
            raise AtlasError(
                f"model takes images of shape [B, 3, {self.image_size[0]}, {self.image_size[1]}], "
                f"found {list(images.shape)}; resize or crop them, or change image_size of the model's entry"
            )

    def _layers(self, images: Tensor, wanted: frozenset[int]) -> Iterator[Layer]:
        # Entered anew for every block: around the yield inference_mode would leak into the caller, and as a decorator
        # of a generator it would hold the previous layer, and its attention, while the next one is computed.
        with torch.inference_mode(), products(self.precision, self.device):
            x = self.embed(images).to(self.dtype)
        for index, parts in enumerate(self.blocks, start=1):
            with torch.inference_mode(), products(self.precision, self.device):
                layer = self._run(index, parts, x, images, index in wanted)
            x = layer.token
            if self.precision in HALVES:
                layer = WideLayer(layer, self.dtype)
            yield layer
            del layer

    @torch.inference_mode()
    def _patches(self, images: Tensor) -> Tensor:
        return self.convolution(images).flatten(2).transpose(1, 2)

    def _run(self, index: int, parts: BlockParts, x: Tensor, images: Tensor, with_attention: bool) -> Layer:
        norm1 = parts.norm1(x)
        n_images, n_tokens, _ = x.shape
        qkv = F.linear(norm1, parts.qkv_weight, parts.qkv_bias)
        query, key, value = qkv.reshape(n_images, n_tokens, 3, parts.n_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        rotated = (query, key) if parts.rotate is None else (parts.rotate(query), parts.rotate(key))
        bias = None if parts.attention_bias is None else parts.attention_bias()
        probabilities = attention_probabilities(*rotated, bias, self.dtype) if with_attention else None
        if probabilities is None:
            mixed = F.scaled_dot_product_attention(*rotated, value, attn_mask=bias)
        else:
            mixed = probabilities @ value
        attn_out = parts.project(mixed.transpose(1, 2).reshape(n_images, n_tokens, -1))
        del mixed  # not part of the record: its memory serves the MLP
        attn_branch = attn_out if parts.scale1 is None else attn_out * parts.scale1
        mid = x + attn_branch
        norm2 = parts.norm2(mid)
        mlp_out = parts.mlp(norm2)
        mlp_branch = mlp_out if parts.scale2 is None else mlp_out * parts.scale2
        token = mid + mlp_branch
        return Layer(
            index=index,
            n_prefix=self.n_prefix,
            grid=self.grid,
            input=x,
            norm1=norm1,
            norm2=norm2,
            query=query,
            key=key,
            value=value,
            query_rope=None if parts.rotate is None else rotated[0],
            key_rope=None if parts.rotate is None else rotated[1],
            attention=probabilities,
            attn_out=attn_out,
            attn_branch=attn_branch,
            mid=mid,
            mlp_out=mlp_out,
            mlp_branch=mlp_branch,
            token=token,
            token_normed=self.final_norm(token) if index == self.n_layers else None,
            final_norm=self.final_norm,
            patch_embed=partial(self._patches, images),
        )


def attention_probabilities(query: Tensor, key: Tensor, bias: Tensor | None, dtype: torch.dtype | None = None) -> Tensor:
    """Return [B, H, T, T] softmax(query key^T / sqrt(d) + bias) of [B, H, T, d] query and key, rows summing to 1.

    In `dtype`, by default that of the product: probabilities of half precision would not sum to 1.
    """
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    if bias is not None:
        logits += bias
    return logits.softmax(dim=-1, dtype=dtype)
