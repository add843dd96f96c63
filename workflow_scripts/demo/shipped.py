"""The zoo that comes with the project: where its files are, and what `zoo.json` beside them says of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError

FOLDER = Path("config/demo_zoo")
INDEX = FOLDER / "zoo.json"
CARD = "docs/demo_zoo.md"


def read_index(path: Path = INDEX) -> dict[str, dict[str, Any]]:
    """Return what `zoo.json` records of each model, by the name of its file.

    A record: method, recipe, effort, seed, steps, last_loss, curve, device, wall_seconds, versions (all as
    train_demo_model writes them), data (seed and numbers of images), command, first_losses, bytes and sha256.

    Raises:
        AtlasError: the file is missing or is no such index.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))["models"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AtlasError(
            f"{path}: cannot be read as the index of the shipped zoo ({error}); get it again from the project, or train the "
            "models here with --config 'demo={zoo: train}'"
        ) from error


def shipped_source(file: str, index: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the ``checkpoint.source`` under which the shipped `file` is fetched and verified like any other.

    Raises:
        AtlasError: the shipped zoo has no such file.
    """
    if file not in index:
        raise AtlasError(f"{INDEX}: no '{file}'; it has {', '.join(index)}. Train it with --config 'demo={{zoo: train}}'")
    facts = index[file]
    return {"type": "incoming", "name": file, "url": CARD, "sha256": facts["sha256"], "bytes": facts["bytes"], "trust": "A"}
