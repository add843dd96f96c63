"""The model registry: what `config/models.yaml` says about each model, as typed records. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.sizes import sides
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.zoo.normalisation import Normalisation

R = TypeVar("R")


@dataclass(frozen=True)
class Build:
    """How the network is constructed, with random weights.

    Attributes:
        library: timm, open_clip, torchvision, or none (the random baseline).
        name: the library's model name, None for library none.
        arguments: further keyword arguments of the library's constructor; the image size is not among them.
    """

    library: str
    name: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckpointSpec:
    """Where the weights come from and how their file is laid out.

    Attributes:
        source: ``type`` (demo, url, hub, torchvision, incoming, path, none) and what that type needs.
        file: file name in the folder of checkpoints.
        layout: one of `layouts.LAYOUTS`.
        drop: glob patterns of keys, as they are named in the file, that the network does not take.
        position_resize: how position tables of another grid are resampled, one of `positions.RULES`; None refuses them.
        input_resolution: ground resolution that layout scalemae computes its positions for, of images of 224 pixels; 1 for
            ordinary images.
        decoder: ``heads`` of the decoder of normalised pixels that the file of a layout mae holds too; None: it has none.
        download_mb: estimated size of the file in MB (10^6 bytes), for plans.
    """

    source: Mapping[str, Any]
    file: str | None = None
    layout: str | None = None
    drop: tuple[str, ...] = ()
    position_resize: str | None = None
    input_resolution: float = 1.0
    decoder: Mapping[str, int] | None = None
    download_mb: int | None = None


@dataclass(frozen=True, kw_only=True)
class Network:
    """What computes of a model: all that a pass depends on. `patch` and `image_size` are pixels, one number or (rows, columns).

    Attributes:
        image_size: of the images it was trained on; a view may show it others.
    """

    id: str
    layers: int
    heads: int
    dim: int
    patch: int | tuple[int, int]
    prefix_tokens: int
    image_size: int | tuple[int, int]
    adapter: str
    build: Build
    checkpoint: CheckpointSpec
    normalisation: Normalisation

    @property
    def patch_shape(self) -> tuple[int, int]:
        """(rows, columns) of one patch in pixels."""
        return sides(self.patch)

    @property
    def image_shape(self) -> tuple[int, int]:
        """(rows, columns) of the images in pixels."""
        return sides(self.image_size)


@dataclass(frozen=True, kw_only=True)
class ModelEntry(Network):
    """One model of the registry: its network, and what people call it.

    Attributes:
        studies: ids of the studies that use this checkpoint.
        parameters: of the network, in millions.
        confidence: how sure it is that this is the studies' checkpoint (identity), that it is to be had there (route) and
            that the file is laid out as declared (format): high, medium or low.
        unverified: what is uncertain about this entry, in sentences for the report.
    """

    display_name: str
    supervision: str
    method: str
    architecture: str
    licence: str
    notes: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    parameters: float | None = None
    confidence: Mapping[str, str] = field(default_factory=dict)
    unverified: tuple[str, ...] = ()


def network_facts(entry: Mapping[str, Any], decoder: bool = False) -> dict[str, Any]:
    """Return the part of a registry entry that computes: without names, licence, and where the weights are from.

    Args:
        entry: of the registry.
        decoder: whether the decoder computes, too; in a pass it does not.
    """
    facts = {f.name: entry[f.name] for f in dataclasses.fields(Network) if f.name in entry}
    read = ("layout", "drop", "position_resize", "input_resolution", *(["decoder"] if decoder else []))
    checkpoint = {key: entry["checkpoint"][key] for key in read if key in entry["checkpoint"]}
    return facts | {"checkpoint": {"source": {}, **checkpoint}}


def network_from_dict(name: str, mapping: Mapping[str, Any]) -> Network:
    """Turn `network_facts` into a `Network`; lists become tuples.

    Raises:
        AtlasError: a key is missing or unknown.
    """
    return _record(Network, name, mapping)


def read_models(path: str | Path) -> dict[str, ModelEntry]:
    """Read the ``models:`` mapping of a registry file.

    Raises:
        AtlasError: the file is no YAML, has no ``models:`` mapping, or an entry lacks a key or has an unknown one.
    """
    content = read_yaml(path)
    if not isinstance(content, dict) or not isinstance(content.get("models"), dict):
        raise AtlasError(f"{path}: needs a mapping 'models:' from model id to entry")
    return {str(name): entry_from_dict(str(name), mapping) for name, mapping in content["models"].items()}


def entry_from_dict(name: str, mapping: Mapping[str, Any]) -> ModelEntry:
    """Turn one entry of the registry into a `ModelEntry`; lists become tuples.

    Raises:
        AtlasError: a key is missing or unknown.
    """
    return _record(ModelEntry, name, mapping)


def _record(record: type[R], name: str, mapping: Mapping[str, Any]) -> R:
    where = f"models.{name}"
    values = _fields(record, mapping, where, given=("id",))
    values["build"] = Build(**_fields(Build, mapping["build"], f"{where}.build"))
    values["checkpoint"] = CheckpointSpec(**_fields(CheckpointSpec, mapping["checkpoint"], f"{where}.checkpoint"))
    normalisation = _fields(Normalisation, mapping["normalisation"], f"{where}.normalisation")
    values["normalisation"] = Normalisation(**normalisation)
    return record(id=name, **values)


def _fields(record: type, mapping: Any, where: str, given: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(mapping, Mapping):
        raise AtlasError(f"{where} must be a mapping, found {mapping!r}")
    if dataclasses.is_dataclass(record):
        fields = dataclasses.fields(record)
        known = {f.name for f in fields}
        optional = {f.name for f in fields if f.default is not f.default_factory}
    else:
        known, optional = set(record._fields), set()
    known -= set(given)
    for key in mapping:
        if key not in known:
            raise AtlasError(f"{where} has an unknown key '{key}'{nearest(key, known)}; known: {', '.join(sorted(known))}")
    missing = sorted(known - optional - set(mapping))
    if missing:
        raise AtlasError(f"{where} lacks {', '.join(missing)}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in mapping.items()}
