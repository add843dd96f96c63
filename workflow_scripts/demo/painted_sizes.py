"""How many images the painted datasets have, by the configuration: no registry can say it. Planning paints nothing for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

SIDE = 64  # of a painted image, in pixels
CLASSES = 12  # of the painted world, of each of which there are pairs


def painted_size(entry: Mapping[str, Any], demo: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``images`` (or the most there can be) and ``image_size`` of a dataset of the demo world.

    Args:
        entry: of the registry; its file is one of the three that the world is painted into.
        demo: the demo's section of the configuration.
    """
    painted = {"train": demo["train_images"], "val": demo["val_images"], "clips": demo["clips"] * demo["frames"]}
    images = painted[PurePath(entry["path"]).stem]
    options = entry.get("options", {})
    most = 2 * CLASSES * options.get("pairs_per_class", images) if entry["reader"] == "demo_pairs" else images
    return {"images": min(images, most, options.get("images", images)), "image_size": [SIDE, SIDE]}
