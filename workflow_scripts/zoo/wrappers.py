"""What training tools put around a network's tensors: records that hold them, and words before their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor

# torch.compile, FSDP and activation checkpointing, anywhere in a name; no network has a part of such a name.
_INSIDE = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# DataParallel and DDP, Lightning and other frameworks, and the branch that published code calls the network.
_BEFORE = ("module", "model", "net", "network", "backbone", "encoder", "teacher", "vit")
_RECORDS = ("state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "teacher")


def is_tensor(value: object) -> bool:
    """Whether `value` is one array of numbers."""
    return isinstance(value, Tensor | np.ndarray)


def inner_records(
    content: Mapping[Any, Any], within: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Yield the mappings with tensors that stand in `content` under known words alone, each with these words."""
    for word in _RECORDS:
        value = content.get(word)
        if word in within or not isinstance(value, Mapping):
            continue
        if any(map(is_tensor, value.values())):
            yield (*within, word), value
        else:
            yield from inner_records(value, (*within, word))


def plain_name(name: str) -> str:
    """Return `name` without the parts that stand for a wrapper wherever they are."""
    return _INSIDE.sub("", name)


def common_wrapper(names: Collection[str]) -> str | None:
    """Return the known word, with its dot, that all `names` begin with; None if there is none."""
    first = next(iter(names), "").partition(".")[0]
    prefix = f"{first}."
    return prefix if first in _BEFORE and all(name.startswith(prefix) for name in names) else None


def fitting_prefix(names: Collection[str], wanted: int, fits: Callable[[str], bool]) -> str | None:
    """Return the prefix in `names` below which the `wanted` names of a network are all there, and no others.

    Args:
        names: of the file.
        wanted: their number in the network; a prefix of much fewer names is not tried.
        fits: whether the names below a prefix are those of the network.
    """
    counts = Counter(prefix for name in names for prefix in _prefixes(name))
    return next((prefix for prefix, count in counts.most_common() if count >= wanted / 2 and fits(prefix)), None)


def _prefixes(name: str) -> Iterable[str]:
    return (name[: dot.end()] for dot in re.finditer(r"\.", name))
