"""The zoo that comes with the project: where its files are, and what `zoo.json` beside them says of each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError

FOLDER = Path("config/demo_zoo")
INDEX = FOLDER / "zoo.json"
CARD = "docs/demo_zoo.md"
_TRAIN = "Or train the models here: --config 'demo={zoo: train}'"


def read_index(path: Path = INDEX) -> dict[str, dict[str, Any]]:
    """Return what `zoo.json` records of each model, by the name of its file.

    A record: method, recipe, effort, seed, steps, last_loss, curve, device, wall_seconds, cpu_seconds, versions (all as
    train_demo_model writes them), data (seed and numbers of images), command, first_losses, bytes and sha256.

    Raises:
        AtlasError: the file is missing or is no such index.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AtlasError(
            f"{path}: cannot be read as the index of the shipped zoo ({error}); get it again from the project. {_TRAIN}"
        ) from error


def shipped_sources(files: Iterable[str], folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return for each file name the ``checkpoint.source`` under which it is fetched and verified like any other.

    Raises:
        AtlasError: the index cannot be read, it has no such file, or the file is not there; a line for each.
    """
    wanted = list(files)
    index = read_index(folder / INDEX.name) if wanted else {}
    problems = [
        f"{folder / INDEX.name}: no '{file}'; it has {', '.join(index)}. {_TRAIN}" for file in wanted if file not in index
    ] + [
        f"{folder / file}: not there; get it again from the project (git checkout -- {folder}). {_TRAIN}"
        for file in wanted
        if file in index and not (folder / file).is_file()
    ]
    if problems:
        raise AtlasError("\n".join(problems))
    return {
        file: {"type": "incoming", "name": file, "url": CARD, "sha256": index[file]["sha256"], "bytes": index[file]["bytes"]}
        | {"trust": "A"}
        for file in wanted
    }
