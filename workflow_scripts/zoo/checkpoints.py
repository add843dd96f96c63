"""Loading a checkpoint of an official layout into a network, strictly."""

from __future__ import annotations

import fnmatch
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

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
from workflow_scripts.zoo.unseen import Unseen, unseen_of
from workflow_scripts.zoo.vit import Vit
from workflow_scripts.zoo.weight_files import read_weights
from workflow_scripts.zoo.wrappers import common_wrapper, fitting_prefix

_POSITION_KEYS = ("pos_embed", "positional_embedding", "encoder.pos_embedding")
_RELATIVE_KEY = "relative_position_bias_table"


@dataclass(frozen=True)
class Weights:
    """The tensors of a checkpoint, read once, for networks of any size.

    Attributes:
        network: the model's.
        path: the file.
        content: the file's tensors under their names in it, without the keys that the entry declares to drop.
        unseen: what the layout tells of the facts that no key shows.
    """

    network: Network
    path: Path
    content: StateDict
    unseen: Unseen

    def put_into(self, model: nn.Module, network: Network) -> None:
        """Load the weights into `model`: every key of the network, and no other but the declared ones.

        A known word that training tools put before all names (``module.``) is taken off where the names fit without it.

        Args:
            model: the network, built.
            network: its facts, `self.network` but for the image size; position tables are made for that size.

        Raises:
            AtlasError: a key missing or left over, another shape, or no plain tensor of floats; names the model, the file and
                the keys.
        """
        where = f"model '{network.id}', checkpoint {self.path}"
        wanted = model.state_dict()
        most = sum(value.numel() for value in wanted.values())
        for name, value in self.content.items():
            _require_bounded(name, value, most, where)
        state = self._unwrapped(network, wanted)
        missing = [key for key in wanted if key not in state]
        unexpected = [key for key in state if key not in wanted]
        if missing or unexpected:
            problems = [f"missing {_some(missing)}"] if missing else []
            problems += [f"unexpected {_some(unexpected)}"] if unexpected else []
            raise AtlasError(f"{where}: {' and '.join(problems)}; {self._advice(network, wanted)}")
        for key, value in state.items():
            _require_numbers(key, value, wanted[key], where)
        _resize_positions(state, model, network, where)
        for key, value in state.items():
            if value.shape != wanted[key].shape:
                raise AtlasError(
                    f"{where}: '{key}' has shape {tuple(value.shape)}, the network expects {tuple(wanted[key].shape)}; "
                    "the entry's build does not fit this file"
                )
        model.load_state_dict(state, strict=True)

    def hold(self, vit: Vit) -> None:
        """Hold a network to what its checkpoint's layout tells of the facts that no key shows, and say what it leaves open.

        Raises:
            AtlasError: the network differs.
        """
        network, built = self.network, unseen_of(vit)
        where = f"model '{network.id}', checkpoint {self.path} (layout '{network.checkpoint.layout}')"
        difference = self.unseen.contradiction(built)
        if difference:
            raise AtlasError(
                f"{where}: build '{network.build.name}' has {difference}; no key of the file shows it: correct "
                "build.name or build.arguments"
            )
        if not self.unseen.is_certain:
            print(
                f"{where}: {built}, by build '{network.build.name}': nothing in the file shows it", file=sys.stderr, flush=True
            )

    def _unwrapped(self, network: Network, wanted: Collection[str]) -> StateDict:
        """Return the tensors by the names of the network, without known wrappers where more names fit so."""
        content, best = self.content, self._renamed(self.content, network)
        while best.keys() != set(wanted) and (prefix := common_wrapper(content)):
            content = _below(content, prefix, network)
            state = self._renamed(content, network)
            if len(state.keys() & set(wanted)) > len(best.keys() & set(wanted)):
                best = state
        return best

    def _advice(self, network: Network, wanted: Collection[str]) -> str:
        def fits(prefix: str) -> bool:
            try:
                return self._renamed(_below(self.content, prefix, network), network).keys() == set(wanted)
            except AtlasError:
                return False

        prefix = fitting_prefix(self.content, len(wanted), fits)
        if prefix:
            others = [key for key in self.content if not key.startswith(prefix)]
            besides = f" and without the others ({_some(others)})" if others else ""
            return f"without the prefix '{prefix}'{besides} they fit: save them anew under names without it"
        return (
            f"check checkpoint.layout '{network.checkpoint.layout}' and build, or declare what the network does not take under "
            "checkpoint.drop"
        )

    def _renamed(self, content: StateDict, network: Network) -> StateDict:
        try:
            return dict(LAYOUTS[network.checkpoint.layout].rename(content, network))
        except AtlasError as error:
            raise AtlasError(_framed(network, self.path, error)) from None
        except (RuntimeError, IndexError, ValueError, TypeError, AttributeError) as error:
            fault = AtlasError(f"its tensors have not the shapes of this layout ({' '.join(str(error).split())[:200]})")
            raise AtlasError(_framed(network, self.path, fault)) from None


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
    return Weights(network, path, _below(content, "", network), LAYOUTS[name].unseen(content, network))


def _below(content: StateDict, prefix: str, network: Network) -> StateDict:
    """Return the tensors whose names begin with `prefix`, without it, and without those that the entry declares to drop."""
    names = {key: key.removeprefix(prefix) for key in content if key.startswith(prefix)}
    return {name: content[key] for key, name in names.items() if not _matches(name, network.checkpoint.drop)}


def _require_bounded(name: str, value: Tensor, most: int, where: str) -> None:
    """Refuse what is no plain array, and a tensor that repeats a few stored numbers more often than a network could use.

    Four bytes in a file can stand for a terabyte, which is made as soon as somebody computes with them.
    """
    if value.layout is not torch.strided or value.device.type != "cpu" or value.is_quantized or value.is_complex():
        kind = f"{value.layout}, {value.dtype}, on {value.device}"
        raise AtlasError(f"{where}: '{name}' is no plain array of numbers ({kind}); save it as one, or drop it")
    stored = value.untyped_storage().nbytes() // value.element_size()
    if value.numel() > max(stored, most):
        raise AtlasError(
            f"{where}: '{name}' has shape {tuple(value.shape)}, of whose {value.numel()} numbers {stored} are in the file, and "
            f"the whole network has {most}; get the file again from its official source"
        )


def _require_numbers(key: str, value: Tensor, wanted: Tensor, where: str) -> None:
    """Refuse integers in place of floats: weights that are quantised mean other numbers."""
    if wanted.is_floating_point() and not value.is_floating_point():
        raise AtlasError(f"{where}: '{key}' is of {value.dtype}, the network expects floats; quantised weights are not read")


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
        if value.ndim < 2 or value.shape[-1] != shape[-1]:
            continue  # a table of another network, not of another grid
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
