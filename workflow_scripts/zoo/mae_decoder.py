"""MAE's decoder, which the encoder was trained with: from encoded patches to the pixels of all.

He et al., "Masked Autoencoders Are Scalable Vision Learners" (CVPR 2022), under the names of the official files.
"""

from __future__ import annotations

import re
from functools import partial

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.layouts import LAYOUTS, StateDict
from workflow_scripts.zoo.load import LoadedModel
from workflow_scripts.zoo.weight_files import read_weights

_NORM = partial(nn.LayerNorm, eps=1e-6)
_PARTS = ("mask_token", "decoder_")


class MaeDecoder(nn.Module):
    """MAE's light decoder; parameters are named as in the official files."""

    def __init__(self, state: StateDict, heads: int) -> None:
        """Build the decoder that `state` is of, and load it.

        Args:
            state: its weights, and no others.
            heads: of its attention, which no shape shows.

        Raises:
            KeyError, IndexError, RuntimeError: a weight is missing or left over, or of another shape than the others tell.
            AssertionError: the heads do not divide its width.
        """
        super().__init__()
        width, encoder_width = state["decoder_embed.weight"].shape
        ratio = state["decoder_blocks.0.mlp.fc1.weight"].shape[0] / width
        depth = len({found[1] for name in state if (found := re.match(r"decoder_blocks\.(\d+)\.", name))})
        self.decoder_embed = nn.Linear(encoder_width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.decoder_pos_embed = nn.Parameter(torch.zeros(1, state["decoder_pos_embed"].shape[1], width))
        self.decoder_blocks = nn.Sequential(
            *(Block(width, heads, ratio, qkv_bias=True, norm_layer=_NORM) for _ in range(depth))
        )
        self.decoder_norm = _NORM(width)
        self.decoder_pred = nn.Linear(width, state["decoder_pred.weight"].shape[0])
        self.load_state_dict(state)
        self.eval().requires_grad_(False)

    @property
    def n_patches(self) -> int:
        """Number of patches of an image."""
        return self.decoder_pos_embed.shape[1] - 1

    def forward(self, tokens: Tensor, kept: Tensor) -> Tensor:
        """Return what all patches look like, [B, N, P * P * 3]: pixels by row, column and channel.

        Each patch normalised: less its mean, and over its standard deviation.

        Args:
            tokens: [B, 1 + K, D] CLS and the patches that were encoded, after the encoder's final norm.
            kept: [B, K] which patches these are.
        """
        x = self.decoder_embed(tokens)
        patches = self.mask_token.repeat(len(x), self.n_patches, 1)
        patches = patches.scatter(1, kept[..., None].expand(-1, -1, x.shape[-1]), x[:, 1:])
        x = torch.cat([x[:, :1], patches], 1) + self.decoder_pos_embed
        return self.decoder_pred(self.decoder_norm(self.decoder_blocks(x)))[:, 1:]


def load_decoder(model: LoadedModel) -> MaeDecoder:
    """Return the decoder in the checkpoint of a model, on its device.

    Raises:
        AtlasError: the entry declares none, the file has none, or not one that fits the encoder.
    """
    network, path = model.network, model.checkpoint
    if network.checkpoint.decoder is None or path is None:
        raise AtlasError(f"model '{network.id}': its entry declares no checkpoint.decoder; add it if the file has one")
    where = f"model '{network.id}', checkpoint {path}"
    every = LAYOUTS[str(network.checkpoint.layout)].unwrap(read_weights(path))
    state = {name: value for name, value in every.items() if name.startswith(_PARTS)}
    if not any(name.startswith("decoder_") for name in state):
        raise AtlasError(
            f"{where}: no decoder in it, which the entry declares; take the file that has one (MAE's are called *_full), or "
            "leave checkpoint.decoder out"
        )
    for name, value in state.items():
        if value.layout is not torch.strided or not value.is_contiguous() or not value.is_floating_point():
            raise AtlasError(f"{where}: '{name}' is no plain array of floats; get the file again from its official source")
    try:
        decoder = MaeDecoder(state, network.checkpoint.decoder["heads"])
    except KeyError as error:
        raise AtlasError(f"{where}: its decoder lacks {error}; get the file again from its official source") from None
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        said = " ".join(str(error).split())[:300]
        raise AtlasError(f"{where}: not a decoder of MAE with {network.checkpoint.decoder['heads']} heads ({said})") from None
    rows, columns = (size // patch for size, patch in zip(network.image_shape, network.patch_shape, strict=True))
    pixels = 3 * network.patch_shape[0] * network.patch_shape[1]
    found = (decoder.decoder_embed.in_features, decoder.n_patches, decoder.decoder_pred.out_features)
    if found != (network.dim, rows * columns, pixels):
        raise AtlasError(
            f"{where}: a decoder of {found[1]} patches of {found[2]} numbers from {found[0]} features, but the encoder has "
            f"{rows * columns} of {pixels} and {network.dim} features"
        )
    return decoder.to(model.device, model.dtype)
