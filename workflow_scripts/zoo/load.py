"""From a registry entry and a checkpoint file to a `Vit`."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.checkpoints import Weights, read_checkpoint
from workflow_scripts.zoo.coverage import check_against_library
from workflow_scripts.zoo.precision import require_precision
from workflow_scripts.zoo.random_vit import RandomVit
from workflow_scripts.zoo.registry import Network
from workflow_scripts.zoo.vit import Vit

ADAPTERS = ("timm_vit", "timm_eva", "timm_beit", "open_clip_vit", "torchvision_vit", "random")

__all__ = ["ADAPTERS", "LoadedModel", "adapt", "build_model", "load_vit", "open_model"]


class LoadedModel:
    """A model whose weights are read once, and which is built at the size of the images it is to see."""

    def __init__(
        self, network: Network, checkpoint: Path | None, device: torch.device, dtype: torch.dtype, precision: str
    ) -> None:
        self.network = network
        self.checkpoint = checkpoint
        self._weights: Weights | None = None
        self.device, self.dtype, self.precision = device, dtype, precision
        self._built: tuple[tuple[int, int], Vit] | None = None

    def at(self, image_size: tuple[int, int]) -> Vit:
        """Return the model for images of (rows, columns) pixels: built, loaded strictly, and checked at that size.

        The last one made is remembered, no other: two sizes of a large model need not fit in memory together.

        Raises:
            AtlasError: the size is no multiple of the patch or the library cannot build it; the entry contradicts the network
                or names no rule for its position tables; the file does not fit it exactly; or the adapter does not cover the
                architecture.
        """
        image_size = (image_size[0], image_size[1])
        if self._built is None or self._built[0] != image_size:
            self._built = None
            self._built = (image_size, self._build(replace(self.network, image_size=image_size)))
            self._built[1].precision = self.precision
        return self._built[1]

    def _build(self, network: Network) -> Vit:
        _check_size(network)
        if self.checkpoint is None:
            return RandomVit.from_entry(network, self.device, self.dtype)
        model = build_model(network)
        check_facts(adapt(model, network), network)
        if self._weights is None:
            self._weights = read_checkpoint(network, self.checkpoint)
            self._weights.hold(adapt(model, network))
        self._weights.put_into(model, network)
        # In float32 on the CPU, before the move: there a difference means another architecture and not rounding.
        check_against_library(adapt(model, network), network.id, network.adapter)
        # Adapted again after the move, because an adapter may have joined or expanded weights.
        return adapt(model.to(self.device, self.dtype), network)


def open_model(
    network: Network,
    checkpoint: Path | None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
    precision: str = "float32",
) -> LoadedModel:
    """Return a model that is to be built; its checkpoint is read when it is first built.

    Args:
        network: what computes of the model's entry in the registry.
        checkpoint: the weights, in the layout that the entry declares; None only for adapter ``random``.
        device: where the model is to run.
        dtype: of its weights and of what its layers hand out; the weights are checked in float32 before.
        precision: of the products of its forward pass (`zoo.precision`).

    Raises:
        AtlasError: a model that needs a checkpoint has none, or the device cannot multiply in that precision.
    """
    require_precision(precision, device)
    random = network.adapter == "random"
    if checkpoint is None and not random:
        raise AtlasError(f"model '{network.id}' needs a checkpoint file; only adapter 'random' works without one")
    return LoadedModel(network, None if random else Path(checkpoint), torch.device(device), dtype, precision)


def load_vit(
    network: Network, checkpoint: Path | None, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Vit:
    """Return the model for images of the size that it was trained at: `open_model` and `LoadedModel.at` in one."""
    return open_model(network, checkpoint, device, dtype).at(network.image_shape)


def adapt(model: nn.Module, entry: Network) -> Vit:
    """Return the `Vit` of a network whose weights are in place, through the adapter that `entry` names.

    Raises:
        AtlasError: no such adapter, or it does not cover this architecture.
    """
    if entry.adapter not in ADAPTERS or entry.adapter == "random":
        known = ", ".join(ADAPTERS)
        raise AtlasError(f"model '{entry.id}': no adapter '{entry.adapter}'{nearest(entry.adapter, ADAPTERS)}; known: {known}")
    # Imported by name, so that open_clip and torchvision load only for their own models.
    module = importlib.import_module(f"workflow_scripts.zoo.{entry.adapter}")
    try:
        return module.adapt(model, entry.normalisation)
    except AtlasError as error:
        raise AtlasError(f"model '{entry.id}' ({entry.build.name}): {error}") from None


def check_facts(vit: Vit, entry: Network) -> None:
    """Compare what `entry` states about its network with the network built.

    Catches what loads without a complaint and computes something else, such as MoCo-v3 S with 6 instead of 12 heads.

    Raises:
        AtlasError: a number differs; names the key, both values and what to change.
    """
    facts = {
        "layers": (entry.layers, vit.n_layers),
        "heads": (entry.heads, vit.n_heads),
        "dim": (entry.dim, vit.dim),
        "patch": (entry.patch_shape, vit.patch),
        "prefix_tokens": (entry.prefix_tokens, vit.n_prefix),
        "image_size": (entry.image_shape, vit.image_size),
    }
    for key, (stated, built) in facts.items():
        if stated != built:
            raise AtlasError(
                f"model '{entry.id}': the entry states {key} {stated}, but build '{entry.build.name}' with its "
                f"arguments has {built}; correct the entry's {key} or build.arguments"
            )


def _check_size(network: Network) -> None:
    (rows, columns), patch = network.image_shape, network.patch_shape
    if (rows % patch[0], columns % patch[1]) != (0, 0):
        raise AtlasError(
            f"model '{network.id}': image_size {rows} x {columns} is no multiple of patch {patch[0]} x {patch[1]}; "
            "choose a size that is"
        )
