"""From a registry entry and a checkpoint file to a `Vit`."""

from __future__ import annotations

import importlib
from pathlib import Path

import torch
from torch import nn

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.checkpoints import load_weights
from workflow_scripts.zoo.coverage import check_against_library
from workflow_scripts.zoo.random_vit import RandomVit
from workflow_scripts.zoo.registry import ModelEntry
from workflow_scripts.zoo.vit import Vit

ADAPTERS = ("timm_vit", "timm_eva", "timm_beit", "open_clip_vit", "torchvision_vit", "random")

__all__ = ["ADAPTERS", "adapt", "build_model", "load_vit"]


def load_vit(
    entry: ModelEntry, checkpoint: Path | None, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> Vit:
    """Build the network of `entry`, load `checkpoint` strictly, check the adapter, and move it to `device` and `dtype`.

    Args:
        entry: the model's entry in the registry.
        checkpoint: the weights, in the layout that the entry declares; None only for adapter ``random``.
        device: where the model runs.
        dtype: its precision; the weights are checked in float32 before.

    Raises:
        AtlasError: the entry contradicts the network, the file does not fit it exactly, or the adapter does not cover
            the architecture.
    """
    if entry.adapter == "random":
        return RandomVit.from_entry(entry, torch.device(device), dtype)
    if checkpoint is None:
        raise AtlasError(f"model '{entry.id}' needs a checkpoint file; only adapter 'random' works without one")
    model = build_model(entry)
    check_facts(adapt(model, entry), entry)
    load_weights(model, entry, Path(checkpoint))
    # In float32 on the CPU, before the move: there a difference means another architecture and not rounding.
    check_against_library(adapt(model, entry), entry.id, entry.adapter)
    # Adapted again after the move, because an adapter may have joined or expanded weights.
    return adapt(model.to(device, dtype), entry)


def adapt(model: nn.Module, entry: ModelEntry) -> Vit:
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


def check_facts(vit: Vit, entry: ModelEntry) -> None:
    """Compare what `entry` states about its network with the network built.

    Catches what loads without a complaint and computes something else, such as MoCo-v3 S with 6 instead of 12 heads.

    Raises:
        AtlasError: a number differs; names the key, both values and what to change.
    """
    rows, columns = vit.image_size
    if (rows % vit.patch[0], columns % vit.patch[1]) != (0, 0):
        raise AtlasError(
            f"model '{entry.id}': image_size {rows} x {columns} is no multiple of patch {vit.patch[0]} x {vit.patch[1]}"
        )
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


class LoadedModel:
    def __init__(self, *args):
        self.args = args

    def at(self, shape):
        from dataclasses import replace

        entry, *rest = self.args
        return load_vit(replace(entry, image_size=shape), *rest)


def open_model(entry, checkpoint, device):
    return LoadedModel(entry, checkpoint, device)
