"""The models of a run by the facts of their registry entries: what summary tables and claims group them by."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.zoo.registry import sides

SIZES = ("Ti", "S", "B", "L", "H", "g", "G")  # size letters of ViT names, smallest first


@dataclass(frozen=True)
class RunModel:
    """A model of a run.

    Attributes:
        id: key in the registry.
        display_name: as tables call it.
        supervision: kind of supervision, "none" for models without training.
        method: training method.
        architecture: for example "ViT-B/16".
        layers: number of blocks.
        heads: attention heads of a block.
        width: numbers in a token.
        patch: (rows, columns), pixels.
        grid: (rows, columns) of the patch grid.
        prefix_tokens: CLS and registers.
        random: whether every number of this model is noise instead of a network's.
        demo: whether the demo trains it.
        main: whether it stands for its method in the comparisons of the study's main part.
    """

    id: str
    display_name: str
    supervision: str
    method: str
    architecture: str
    layers: int
    heads: int
    width: int
    patch: tuple[int, int]
    grid: tuple[int, int]
    prefix_tokens: int
    random: bool
    demo: bool
    main: bool

    @property
    def size(self) -> str:
        """Return the size letter in the architecture's name ("B" of "ViT-B/16"), "" if it names none."""
        found = re.match(rf"ViT-({'|'.join(SIZES)})/", self.architecture)
        return found.group(1) if found else ""


def read_models(text: str, main: Sequence[str] | None = None) -> tuple[RunModel, ...]:
    """Return the models in `text`, in its order.

    Args:
        text: registry entries as JSON, {id: entry}.
        main: ids of the main models; None for all.

    Raises:
        AtlasError: a main model is not among the models.
    """
    entries = json.loads(text)
    for name in main or ():
        if name not in entries:
            raise AtlasError(f"main model '{name}' is not a model of this run{nearest(name, entries)}; name models of the run")
    return tuple(_model(name, entry, main is None or name in main) for name, entry in entries.items())


def spell(pair: tuple[int, int]) -> str:
    """Return "8" for (8, 8) and "8x16" for (8, 16)."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def _model(name: str, entry: Mapping[str, Any], main: bool) -> RunModel:
    patch, size = sides(entry["patch"]), sides(entry["image_size"])
    return RunModel(
        id=name,
        **{key: entry[key] for key in ("display_name", "supervision", "method", "architecture", "layers", "heads")},
        width=entry["dim"],
        patch=patch,
        grid=(size[0] // patch[0], size[1] // patch[1]),
        prefix_tokens=entry["prefix_tokens"],
        random=entry["adapter"] == "random",
        demo=entry["checkpoint"]["source"]["type"] == "demo",
        main=main,
    )
