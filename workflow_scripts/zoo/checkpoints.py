"""Loading a checkpoint of an official layout into a network, strictly."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.layouts import LAYOUTS, StateDict
from workflow_scripts.zoo.positions import (
    RELATIVE_RULES,
    RULES,
    is_ambiguous,
    is_ambiguous_window,
    resize_absolute,
    resize_relative,
)
from workflow_scripts.zoo.registry import Network
from workflow_scripts.zoo.weight_files import read_weights

_POSITION_KEYS = ("pos_embed", "positional_embedding", "encoder.pos_embedding")
_RELATIVE_KEY = "relative_position_bias_table"


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint, read once, for networks of any size.

    Attributes:
        network: the model's.
        path: the file.
        content: the file's tensors under their names in it, without the keys that the entry declares to drop.
    """

    network: Network
    path: Path
    content: StateDict

    def put_into(self, model: nn.Module, network: Network) -> None:
        """Load the weights into `model`: every key of the network, and no other but the declared ones.

        Args:
            model: the network, built.
            network: its facts, `self.network` but for the image size; position tables are made for that size.

        Raises:
            AtlasError: a key missing or left over, or another shape; names the model, the file and the keys.
        """
        where = f"model '{network.id}', checkpoint {self.path}"
        state = self._renamed(network)
        wanted = model.state_dict()
        missing = [key for key in wanted if key not in state]
        unexpected = [key for key in state if key not in wanted]
        if missing or unexpected:
            problems = [f"missing {_some(missing)}"] if missing else []
            problems += [f"unexpected {_some(unexpected)}"] if unexpected else []
            raise AtlasError(
                f"{where}: {' and '.join(problems)}; check checkpoint.layout '{network.checkpoint.layout}' and build, or "
                "declare what the network does not take under checkpoint.drop"
            )
        _resize_positions(state, model, network, where)
        for key, value in state.items():
            if value.shape != wanted[key].shape:
                raise AtlasError(
                    f"{where}: '{key}' has shape {tuple(value.shape)}, the network expects {tuple(wanted[key].shape)}; "
                    "the entry's build does not fit this file"
                )
        model.load_state_dict(state, strict=True)

    def _renamed(self, network: Network) -> StateDict:
        try:
            return dict(LAYOUTS[network.checkpoint.layout].rename(self.content, network))
        except AtlasError as error:
            raise AtlasError(_framed(network, self.path, error)) from None


def read_checkpoint(network: Network, path: Path) -> Weights:
    """Read the checkpoint of a model.

    Raises:
        AtlasError: unreadable or unsafe file, unknown layout, or not in the layout that the entry declares.
    """
    name = network.checkpoint.layout
    if name not in LAYOUTS:
        raise AtlasError(
            f"model '{network.id}': no checkpoint.layout '{name}'{nearest(str(name), LAYOUTS)}; known: {', '.join(LAYOUTS)}"
        )
    try:
        content = LAYOUTS[name].unwrap(read_weights(path))
    except AtlasError as error:
        raise AtlasError(_framed(network, path, error)) from None
    return Weights(network, path, {key: v for key, v in content.items() if not _matches(key, network.checkpoint.drop)})


def _framed(network: Network, path: Path, error: AtlasError) -> str:
    text = str(error).removeprefix(f"{path}: ")
    return f"model '{network.id}', checkpoint {path} (layout '{network.checkpoint.layout}'): {text}"


def _matches(key: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def _resize_positions(state: StateDict, model: nn.Module, network: Network, where: str) -> None:
    """Make the position tables of `state` those of the model's grid, in place, by the rule that the entry names."""
    rule = network.checkpoint.position_resize
    known = [*RULES, *RELATIVE_RULES]
    if rule is not None and rule not in known:
        raise AtlasError(f"{where}: no checkpoint.position_resize '{rule}'{nearest(rule, known)}; known: {', '.join(known)}")
    wanted = model.state_dict()
    grid = tuple(size // patch for size, patch in zip(network.image_shape, network.patch_shape, strict=True))
    for key, value in state.items():
        shape = tuple(wanted[key].shape)
        absolute, relative = key in _POSITION_KEYS, key.endswith(_RELATIVE_KEY)
        ambiguous = (absolute and is_ambiguous(grid)) or (relative and is_ambiguous_window(grid))
        if not (absolute or relative) or (value.shape == shape and not ambiguous):
            continue
        rules = RELATIVE_RULES if relative else RULES
        if rule not in rules:
            said = "declare checkpoint.position_resize" if rule is None else f"'{rule}' is for other tables: declare"
            raise AtlasError(
                f"{where}: '{key}' has shape {tuple(value.shape)} and is for another patch grid than the network's "
                f"{grid[0]} x {grid[1]}; change the image size, or {said} ({' or '.join(rules)})"
            )
        if relative:
            module = model.get_submodule(key.removesuffix(f".{_RELATIVE_KEY}"))
            resized = resize_relative(value, module, rule)
            state[key] = value if resized is None else resized
        else:
            resized = resize_absolute(value.reshape(1, *value.shape[-2:]), grid, shape[-2], rule)
            state[key] = value if resized is None else resized.reshape(*value.shape[:-2], *resized.shape[-2:])


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    return ", ".join(f"'{key}'" for key in keys[:4]) + more
