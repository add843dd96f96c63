"""What a table says about its model, from the metadata of the pass that it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def model_facts(made: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata of a table.

    Args:
        made: metadata of a pass file.
    """
    entry = json.loads(made["entry"])
    described = ("display_name", "supervision", "method", "architecture", "layers", "heads", "dim", "patch", "prefix_tokens")
    facts = ("weights_sha256", "preprocessing", "device", "precision", "code")
    return {
        **{key: entry[key] for key in described},
        **{key: made[key] for key in facts},
        "patch_grid": made["grid"],
        "versions": json.loads(made["versions"]),
        "n_images": int(made["n_images"]),
    }
