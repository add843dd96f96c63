"""The random baseline: a `Vit` without weights whose features and attention are noise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.registry import Network
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
    def from_entry(cls, entry: Network, device: torch.device, dtype: torch.dtype) -> RandomVit:
        """Take the numbers of layers, heads, dimensions and tokens from a registry entry with adapter ``random``.

        Raises:
            AtlasError: the width is no multiple of the number of heads.
        """
        rows, columns = (size // patch for size, patch in zip(entry.image_shape, entry.patch_shape, strict=True))
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
            convolution=_no_network,
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
        token = None
        for index in range(1, self.n_layers + 1):
            layer = NoiseLayer(self, digests, index, token, index in wanted)
            yield layer
            token = layer.__dict__.get("token")  # if anybody read it, the next layer need not draw its input
            del layer

    @property
    def n_tokens(self) -> int:
        """Number of prefix and patch tokens."""
        return self.n_prefix + self.grid[0] * self.grid[1]

    @torch.inference_mode()
    def draw(self, digests: list[bytes], index: int, facet: str, shape: tuple[int, ...]) -> Tensor:
        """Return the noise of a facet of a layer, [B, *shape]."""
        values = torch.stack([_uniform(digest, index, facet, shape) for digest in digests])
        if facet == "attention":
            values /= values.sum(dim=-1, keepdim=True)
        return values.to(self.device, self.dtype)


class NoiseLayer(Layer):
    """A layer of noise whose facets are drawn when they are first read: nobody waits for what no collector wants."""

    def __init__(self, vit: RandomVit, digests: list[bytes], index: int, previous: Tensor | None, attention: bool) -> None:
        """Prepare layer `index`; `previous` is the token of the layer before it, None if it was not drawn."""
        given = {"index": index, "n_prefix": vit.n_prefix, "grid": vit.grid, "query_rope": None, "key_rope": None}
        given["final_norm"] = _unchanged
        patches = (vit.grid[0] * vit.grid[1], vit.dim)
        given["patch_embed"] = partial(vit.draw, digests, 0, "patch_embed", patches)
        given |= {} if previous is None else {"input": previous}
        given |= {} if attention else {"attention": None}
        given |= {} if index == vit.n_layers else {"token_normed": None}
        self.__dict__.update(given, _vit=vit, _digests=digests)  # the record is frozen: these are its first values

    def __getattr__(self, facet: str) -> Tensor:
        """Draw a facet and keep it; called for what is not there yet."""
        vit, tokens = self._vit, self._vit.n_tokens
        heads = dict.fromkeys(("query", "key", "value"), (vit.n_heads, tokens, vit.dim // vit.n_heads))
        plain = dict.fromkeys(("norm1", "norm2", "attn_out", "mid", "mlp_out", "token"), (tokens, vit.dim))
        shapes = {**heads, **plain, "attention": (vit.n_heads, tokens, tokens)}
        same = {"attn_branch": "attn_out", "mlp_branch": "mlp_out", "token_normed": "token"}
        if facet in same:
            value = getattr(self, same[facet])
        elif facet == "input":
            value = vit.draw(self._digests, self.index - 1, "token", shapes["token"])
        elif facet in shapes:
            value = vit.draw(self._digests, self.index, facet, shapes[facet])
        else:
            raise AttributeError(facet)
        self.__dict__[facet] = value
        return value

    @property
    def cls(self) -> Tensor:
        """[B, D] CLS tokens: the numbers that the whole draw would begin with."""
        if "token" in self.__dict__:
            return self.token[:, 0]
        return self._vit.draw(self._digests, self.index, "token", (1, self._vit.dim))[:, 0]

    @property
    def checksum(self) -> Tensor:
        """[B] zeros: noise in [0, 1) is finite without looking."""
        return torch.zeros(len(self._digests), device=self._vit.device)


def image_digest(image: Tensor) -> bytes:
    """Return a digest of the pixels of one [3, H, W] image, the same for equal values in the same precision."""
    return hashlib.blake2b(image.contiguous().cpu().view(torch.uint8).numpy().tobytes(), digest_size=16).digest()


def _uniform(digest: bytes, index: int, facet: str, shape: tuple[int, ...]) -> Tensor:
    # A generator per facet: asking for the attention or not must leave every other number as it was.
    seed = hashlib.blake2b(digest + f"{index}/{facet}".encode(), digest_size=8).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(seed, "little", signed=True))
    return torch.rand(shape, generator=generator)


def _unchanged(token: Tensor) -> Tensor:
    return token


def _no_network(_: Tensor) -> Tensor:
    raise AtlasError("the random baseline has no network to run")
