"""What the thesis study asks of a pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.data.geometry import Geometry


def requests(settings: Mapping[str, Any]) -> list[tuple[str, str, dict[str, dict[str, Any]]]]:
    """Return (dataset, geometry, {collector: options}) for every pass the study needs of a model.

    Args:
        settings: the ``thesis`` section of the configuration.
    """
    attention = settings["attention"]
    geometry = str(Geometry(**attention["geometry"]))
    statistics: dict[str, dict[str, Any]] = {
        "average_attention": {"per_class": attention["per_class_maps"]},
        "aligned_attention": {},
        "attention_distance": {},
        "spatial_to_cls": {},
        "attention_deviation": {},
        "top_token_share": {},
        "chosen_attention": {"cls_images": attention["cls_map_images"], "whole_images": attention["whole_map_images"]},
        "pooled_features": {},
    }
    return [
        (attention["dataset"], geometry, statistics),
        (attention["mask_dataset"], geometry, {"mask_iou": {}}),
    ]
