"""Loading a checkpoint of an official layout into a network, strictly."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from pathlib import Path

from torch import nn

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.layouts import LAYOUTS, StateDict
from workflow_scripts.zoo.positions import RULES, is_ambiguous, resize_absolute, resize_relative
from workflow_scripts.zoo.registry import ModelEntry
from workflow_scripts.zoo.weight_files import read_weights

_POSITION_KEYS = ("pos_embed", "positional_embedding", "encoder.pos_embedding")
_RELATIVE_KEY = "relative_position_bias_table"


def load_weights(model: nn.Module, entry: ModelEntry, path: Path) -> None:
    """Load the checkpoint at `path` into `model`: every key of the network, and no other but the declared ones.

    Raises:
        AtlasError: unreadable or unsafe file, unknown layout, a key missing or left over, another shape; names the
            model, the file and the keys.
    """
    where = f"model '{entry.id}', checkpoint {path}"
    state = read_state_dict(entry, path)
    wanted = model.state_dict()
    missing = [key for key in wanted if key not in state]
    unexpected = [key for key in state if key not in wanted]
    if missing or unexpected:
        problems = [f"missing {_some(missing)}"] if missing else []
        problems += [f"unexpected {_some(unexpected)}"] if unexpected else []
        raise AtlasError(
            f"{where}: {' and '.join(problems)}; check checkpoint.layout '{entry.checkpoint.layout}' and build, or "
            "declare what the network does not take under checkpoint.drop"
        )
    _resize_positions(state, model, entry, where)
    for key, value in state.items():
        if value.shape != wanted[key].shape:
            raise AtlasError(
                f"{where}: '{key}' has shape {tuple(value.shape)}, the network expects {tuple(wanted[key].shape)}; "
                "the entry's build does not fit this file"
            )
    model.load_state_dict(state, strict=True)


def read_state_dict(entry: ModelEntry, path: Path) -> StateDict:
    """Return the tensors of a checkpoint in the names of the network, without the keys that the entry declares to drop.

    Raises:
        AtlasError: unreadable or unsafe file, or not in the layout that the entry declares.
    """
    name = entry.checkpoint.layout
    if name not in LAYOUTS:
        raise AtlasError(
            f"model '{entry.id}': no checkpoint.layout '{name}'{nearest(str(name), LAYOUTS)}; known: {', '.join(LAYOUTS)}"
        )
    layout = LAYOUTS[name]
    try:
        content = layout.unwrap(read_weights(path))
        kept = {key: value for key, value in content.items() if not _matches(key, entry.checkpoint.drop)}
        return layout.rename(kept, entry)
    except AtlasError as error:
        text = str(error).removeprefix(f"{path}: ")
        raise AtlasError(f"model '{entry.id}', checkpoint {path} (layout '{name}'): {text}") from None


def _matches(key: str, patterns: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def _resize_positions(state: StateDict, model: nn.Module, entry: ModelEntry, where: str) -> None:
    rule = entry.checkpoint.position_resize
    if rule is not None and rule not in RULES:
        known = ", ".join(RULES)
        raise AtlasError(f"{where}: no checkpoint.position_resize '{rule}'{nearest(rule, RULES)}; known: {known}")
    wanted = model.state_dict()
    grid = tuple(size // patch for size, patch in zip(entry.image_shape, entry.patch_shape, strict=True))
    for key, value in state.items():
        shape = tuple(wanted[key].shape)
        absolute, relative = key in _POSITION_KEYS, key.endswith(_RELATIVE_KEY)
        if not (absolute or relative) or (value.shape == shape and not (absolute and is_ambiguous(grid))):
            continue
        if rule is None:
            raise AtlasError(
                f"{where}: '{key}' has shape {tuple(value.shape)} and is for another patch grid than the network's "
                f"{grid[0]} x {grid[1]}; change the entry's image_size, or declare checkpoint.position_resize "
                f"({' or '.join(RULES)})"
            )
        if relative:
            state[key] = resize_relative(value, model.get_submodule(key.removesuffix(f".{_RELATIVE_KEY}")))
        else:
            resized = resize_absolute(value.reshape(1, *value.shape[-2:]), grid, shape[-2], rule)
            state[key] = value if resized is None else resized.reshape(*value.shape[:-2], *resized.shape[-2:])


def _some(keys: list[str]) -> str:
    more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    return ", ".join(f"'{key}'" for key in keys[:4]) + more
