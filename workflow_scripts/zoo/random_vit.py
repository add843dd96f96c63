"""The random baseline: a `Vit` without weights whose features and attention are noise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.registry import ModelEntry
from workflow_scripts.zoo.vit import Layer, Vit


class RandomVit(Vit):
    """Features i.i.d. uniform on [0, 1), attention i.i.d. uniform with rows normalised to sum to 1.

    Every facet of every layer is a draw of its own. There is no residual stream, LayerScale, RoPE or norm, so a branch
    equals the output it would scale, and `token_normed` equals `token`; the input of a layer is the token before it.

    The values of an image are seeded by the bytes of its normalised pixels, not by its place in the data set, which a
    model does not see: so every batching, order and sharding gives the same numbers, and the same image always the same
    noise. Draws are made on the CPU in float32, then moved.
    """

    @classmethod
    def from_entry(cls, entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> RandomVit:
        """Take the numbers of layers, heads, dimensions and tokens from a registry entry with adapter ``random``.

        Raises:
            AtlasError: the image size is no multiple of the patch, or the width none of the number of heads.
        """
        rows, columns = (size // patch for size, patch in zip(entry.image_shape, entry.patch_shape, strict=True))
        if (rows * entry.patch_shape[0], columns * entry.patch_shape[1]) != entry.image_shape:
            raise AtlasError(f"model '{entry.id}': image_size {entry.image_size} is no multiple of patch {entry.patch}")
        if entry.dim % entry.heads:
            raise AtlasError(f"model '{entry.id}': dim {entry.dim} is no multiple of heads {entry.heads}")
        vit = cls(
            dim=entry.dim,
            n_heads=entry.heads,
            patch=entry.patch_shape,
            image_size=entry.image_shape,
            grid=(rows, columns),
            n_prefix=entry.prefix_tokens,
            normalisation=entry.normalisation,
            device=device,
            dtype=dtype,
            embed=_no_network,
            blocks=(),
            final_norm=_no_network,
        )
        vit._n_layers = entry.layers
        return vit

    @property
    def n_layers(self) -> int:
        """Number of layers of noise."""
        return self._n_layers

    def _layers(self, images: Tensor, wanted: frozenset[int]) -> Iterator[Layer]:
        digests = [image_digest(image) for image in images]
        token = self._draw(digests, 0, "token", (self._n_tokens, self.dim))
        for index in range(1, self.n_layers + 1):
            layer = self._noise(digests, index, token, index in wanted)
            token = layer.token
            yield layer
            del layer

    @property
    def _n_tokens(self) -> int:
        return self.n_prefix + self.grid[0] * self.grid[1]

    @torch.inference_mode()
    def _draw(self, digests: list[bytes], index: int, facet: str, shape: tuple[int, ...]) -> Tensor:
        values = torch.stack([_uniform(digest, index, facet, shape) for digest in digests])
        if facet == "attention":
            values /= values.sum(dim=-1, keepdim=True)
        return values.to(self.device, self.dtype)

    def _noise(self, digests: list[bytes], index: int, previous: Tensor, with_attention: bool) -> Layer:
        tokens = self._n_tokens
        shapes = dict.fromkeys(("norm1", "norm2", "attn_out", "mid", "mlp_out", "token"), (tokens, self.dim))
        shapes |= dict.fromkeys(("query", "key", "value"), (self.n_heads, tokens, self.dim // self.n_heads))
        if with_attention:
            shapes["attention"] = (self.n_heads, tokens, tokens)
        facets = {facet: self._draw(digests, index, facet, shape) for facet, shape in shapes.items()}
        return Layer(
            index=index,
            n_prefix=self.n_prefix,
            grid=self.grid,
            input=previous,
            query_rope=None,
            key_rope=None,
            attn_branch=facets["attn_out"],
            mlp_branch=facets["mlp_out"],
            token_normed=facets["token"] if index == self.n_layers else None,
            **{"attention": None, **facets},
        )


def image_digest(image: Tensor) -> bytes:
    """Return a digest of the pixels of one [3, H, W] image, the same for equal values in the same precision."""
    return hashlib.blake2b(image.contiguous().cpu().view(torch.uint8).numpy().tobytes(), digest_size=16).digest()


def _uniform(digest: bytes, index: int, facet: str, shape: tuple[int, ...]) -> Tensor:
    # A generator per facet: asking for the attention or not must leave every other number as it was.
    seed = hashlib.blake2b(digest + f"{index}/{facet}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(seed, "little", signed=True))
    return torch.rand(shape, generator=generator)


def _no_network(_: Tensor) -> Tensor:
    raise AtlasError("the random baseline has no network to run")
