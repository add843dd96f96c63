"""The collectors by name: what the studies gather during a pass.

Each stands in a module that is imported only if it is asked for, so that a pass depends on the code of its own statistics
and not on that of all.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.collector import Collector
from workflow_scripts.onepass.names import COLLECTORS


def make_collectors(
    requests: dict[str, dict[str, Any]], n_layers: int, n_images: int, n_classes: int, folder: Path | None = None
) -> list[Collector]:
    """Return the collectors that a pass plan asks for.

    Args:
        requests: collector name -> options of the plan (`studies.plan`): `per_class` of average_attention; `cls_images`
            and `whole_images` of chosen_attention, numbers of images, spread evenly over the dataset; the others as the
            collectors name them.
        n_layers: layers of the model.
        n_images: images of the pass.
        n_classes: image classes of the dataset, 0 without labels.
        folder: where rows wait that do not fit in memory.

    Raises:
        AtlasError: no collector has that name.
    """
    collectors = []
    for name, options in requests.items():
        options = dict(options)
        if name == "average_attention":
            options = {"n_classes": n_classes if options["per_class"] else 0}
        if name == "chosen_attention":
            options = {key: spread_positions(n_images, count) for key, count in options.items()}
        if name == "gram_blocks":
            options["n_images"] = n_images
        collectors.append(collector_class(name)(n_layers, folder, **options))
    return collectors


def collector_class(name: str) -> type[Collector]:
    """Return the collector called `name`.

    Raises:
        AtlasError: no collector has that name.
    """
    if name not in COLLECTORS:
        raise AtlasError(f"collector '{name}' is not known (known: {', '.join(COLLECTORS)})")
    module, kind = COLLECTORS[name]
    return getattr(importlib.import_module(f"workflow_scripts.{module}"), kind)


def spread_positions(count: int, limit: int) -> list[int]:
    """Return up to `limit` positions spread evenly over `count` images: the middles of `limit` equal parts."""
    limit = min(limit, count)
    return [int((i + 0.5) * count / limit) for i in range(limit)]
