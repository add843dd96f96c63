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

    @torch.inference_mode()
    def _layers(self, images: Tensor, wanted: frozenset[int]) -> Iterator[Layer]:
        digests = [image_digest(image) for image in images]
        tokens = self.n_prefix + self.grid[0] * self.grid[1]
        wide = (tokens, self.dim)
        split = (self.n_heads, tokens, self.dim // self.n_heads)

        def draw(index: int, facet: str, shape: tuple[int, ...]) -> Tensor:
            values = torch.stack([_uniform(digest, index, facet, shape) for digest in digests])
            return values.to(self.device, self.dtype)

        token = draw(0, "token", wide)
        for index in range(1, self.n_layers + 1):
            attention = None
            if index in wanted:
                attention = draw(index, "attention", (self.n_heads, tokens, tokens))
                attention /= attention.sum(dim=-1, keepdim=True)
            previous, token = token, draw(index, "token", wide)
            attn_out, mlp_out = draw(index, "attn_out", wide), draw(index, "mlp_out", wide)
            layer = Layer(
                index=index,
                n_prefix=self.n_prefix,
                grid=self.grid,
                input=previous,
                norm1=draw(index, "norm1", wide),
                norm2=draw(index, "norm2", wide),
                query=draw(index, "query", split),
                key=draw(index, "key", split),
                value=draw(index, "value", split),
                query_rope=None,
                key_rope=None,
                attention=attention,
                attn_out=attn_out,
                attn_branch=attn_out,
                mid=draw(index, "mid", wide),
                mlp_out=mlp_out,
                mlp_branch=mlp_out,
                token=token,
                token_normed=token if index == self.n_layers else None,
            )
            del attention
            yield layer
            del layer


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
