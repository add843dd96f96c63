"""What the thesis study asks of a pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_scripts.data.views import CentreCrop, Letterbox, Squash, Tiles

Request = tuple[str, str, dict[str, dict[str, Any]]]
GRAM_BLOCK = 8  # images of a minibatch of CKA
# Analyses that a configuration may leave out (null), with the keys of their datasets and the ground truth these need.
OPTIONAL = {
    "clustering": {"image_dataset": "label", "object_dataset": "object_masks", "part_dataset": "part_masks"},
    "knn": {"bank": "label", "queries": "label"},
    "retrieval": {"dataset": "retrieval"},
    "video": {"dataset": "video_masks"},
    "keypoints": {"dataset": "keypoint_pairs"},
}
DATASETS = {
    "attention": {"dataset": None, "mask_dataset": "object_masks"},
    "similarity": {"dataset": None},
    **OPTIONAL,
}


def analyses(settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the analyses that the ``thesis`` section asks for, as their tables are called."""
    return ["attention", "cka", "residual", *(name for name in OPTIONAL if settings[name] is not None)]


def geometries(settings: Mapping[str, Any], patch: int) -> dict[str, str]:
    """Return the names of the geometries by what they serve: whole, retrieval, frames, dense, keypoints.

    Args:
        settings: the ``thesis`` section of the configuration.
        patch: the model's patch size in pixels, on which tiles depend.
    """
    whole = CentreCrop(**settings["geometry"])
    side = whole.crop
    fit = (settings["retrieval"] or {}).get("fit") or 0
    return {
        "whole": str(whole),
        "retrieval": str(CentreCrop(whole.resize, side, fit)),
        "frames": str(Squash(side, side)),
        "dense": str(Tiles(2 * side, side, patch)),
        "keypoints": str(Letterbox(side)),
    }


def requests(settings: Mapping[str, Any], patch: int, precision: str) -> list[Request]:
    """Return (dataset, geometry, {collector: options}) for every pass the study needs of a model.

    Args:
        settings: the ``thesis`` section of the configuration.
        patch: the model's patch size in pixels.
        precision: of stored features, "float16" or "float32".
    """
    at = geometries(settings, patch)
    attention = settings["attention"]
    asked: list[Request] = [
        (
            attention["dataset"],
            at["whole"],
            {
                "average_attention": {"per_class": attention["per_class_maps"]},
                "aligned_attention": {},
                "attention_distance": {},
                "spatial_to_cls": {},
                "attention_deviation": {},
                "top_token_share": {},
                "chosen_attention": {"cls_images": attention["cls_map_images"], "whole_images": attention["whole_map_images"]},
            },
        ),
        (attention["mask_dataset"], at["whole"], {"mask_iou": {}}),
        (settings["similarity"]["dataset"], at["whole"], {"gram_blocks": {"block": GRAM_BLOCK}, "residual_ratio": {}}),
    ]
    if clustering := settings["clustering"]:
        asked.append((clustering["image_dataset"], at["whole"], pooled(["cls", "mean_patch"], precision)))
        for dataset in (clustering["object_dataset"], clustering["part_dataset"]):
            asked.append((dataset, at["whole"], {"region_features": {}}))
            if clustering["dense"]:
                asked.append((dataset, at["dense"], {"region_features": {}}))
    if knn := settings["knn"]:
        asked += [(knn[split], at["whole"], pooled(["cls"], precision)) for split in ("bank", "queries")]
    if retrieval := settings["retrieval"]:
        asked.append((retrieval["dataset"], at["retrieval"], pooled(["cls"], precision)))
    if video := settings["video"]:
        options = {key: video[key] for key in ("context_frames", "radius", "top_k", "temperature")}
        for geometry in ("frames", "dense") if video["dense"] else ("frames",):
            asked.append((video["dataset"], at[geometry], {"propagated_labels": options}))
    if keypoints := settings["keypoints"]:
        asked.append((keypoints["dataset"], at["keypoints"], {"matched_keypoints": {}}))
    return asked


def pooled(facets: list[str], precision: str) -> dict[str, dict[str, Any]]:
    """Return the request of pooled features."""
    return {"pooled_features": {"facets": facets, "precision": precision}}
