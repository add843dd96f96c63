"""The models of a run as everything above the zoo knows them: what figures name and colour, and tables and claims group by.

One file describes them all, ``<results>/models.json``, written by `write_models` and read by `read_models`. Tables carry ids
alone, and passes what computes: a display name that is mended draws figures again and runs no model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from workflow_scripts.common.atomic import write_text
from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.sizes import sides

NOISE_LAYERS = 10  # the level of the random baseline is the mean of its first layers, as many
SIZES = ("Ti", "S", "B", "L", "H", "g", "G")  # size letters of ViT names, smallest first


@dataclass(frozen=True)
class RunModel:
    """A model of a run.

    Attributes:
        id: key in the registry.
        display_name: as figures and tables call it.
        supervision: kind of supervision, "none" for models without training.
        method: training method.
        architecture: for example "ViT-B/16".
        layers: number of blocks.
        heads: attention heads of a block.
        width: numbers in a token.
        patch: (rows, columns), pixels.
        grid: (rows, columns) of the patch grid at the size it was trained at.
        prefix_tokens: CLS and registers.
        random: whether every number of this model is noise instead of a network's.
        demo: whether it is of the demo zoo.
        source: where its weights come from.
        licence: of the weights.
        unverified: what is uncertain about it, in sentences.
    """

    id: str
    display_name: str
    supervision: str
    method: str = ""
    architecture: str = ""
    layers: int = 0
    heads: int = 0
    width: int = 0
    patch: tuple[int, int] = (0, 0)
    grid: tuple[int, int] = (0, 0)
    prefix_tokens: int = 0
    random: bool = False
    demo: bool = False
    source: str = ""
    licence: str = ""
    unverified: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """Return the size letter in the architecture's name ("B" of "ViT-B/16"), "" if it names none."""
        found = re.match(rf"ViT-({'|'.join(SIZES)})/", self.architecture)
        return found.group(1) if found else ""


def described(entries: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what `write_models` writes of registry entries, in their order."""
    return [asdict(_model(name, entry)) for name, entry in entries.items()]


def write_models(path: str | Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the description of the models of a run."""
    write_text(path, json.dumps(described(entries), indent=1) + "\n")


def read_models(path: str | Path, only: Iterable[str] = ()) -> tuple[RunModel, ...]:
    """Return the models described at `path`, in its order; with `only` those, in that order.

    Raises:
        AtlasError: the file describes no models, or not one of `only`.
    """
    try:
        models = {item["id"]: RunModel(**_tuples(item)) for item in json.loads(Path(path).read_text(encoding="utf-8"))}
    except (ValueError, TypeError, KeyError) as error:
        raise AtlasError(f"{path}: not the description of a run's models ({error}); delete it and run again") from None
    for name in only:
        if name not in models:
            raise AtlasError(f"{path}: no model '{name}' in this run{nearest(name, models)}; name models of the run")
    return tuple(models[name] for name in only) or tuple(models.values())


def spell(pair: tuple[int, int]) -> str:
    """Return "8" for (8, 8) and "8x16" for (8, 16)."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def is_demo(entry: Mapping[str, Any]) -> bool:
    """Return whether this model is of the demo zoo."""
    return entry["checkpoint"]["source"]["type"] == "demo"


def is_random(entry: Mapping[str, Any]) -> bool:
    """Return whether this model is noise."""
    return entry["adapter"] == "random"


def _model(name: str, entry: Mapping[str, Any]) -> RunModel:
    patch, size = sides(entry["patch"]), sides(entry["image_size"])
    named = ("display_name", "supervision", "method", "architecture", "layers", "heads", "prefix_tokens", "licence")
    return RunModel(
        id=name,
        **{key: entry[key] for key in named},
        width=entry["dim"],
        patch=patch,
        grid=(size[0] // patch[0], size[1] // patch[1]),
        random=is_random(entry),
        demo=is_demo(entry),
        source=entry["checkpoint"]["source"]["type"],
        unverified=tuple(entry.get("unverified", ())),
    )


def _tuples(item: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name for field in fields(RunModel)}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in item.items() if key in known}
