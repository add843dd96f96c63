"""What the configuration asks of each model."""

import copy
from pathlib import Path

import pytest

from workflow_scripts.common.config import read_yaml
from workflow_scripts.studies.plan import merged, planned_passes
from workflow_scripts.studies.thesis_plan import analyses, geometries

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml")
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]
VAL = ("demo_val", "resize64-crop64")
TRAIN = ("demo_train", "resize64-crop64")
TASKS = {
    ("demo_val", "short128-tile64-patch8"): "region_features",
    ("demo_clips", "squash64"): "propagated_labels",
    ("demo_clips", "short128-tile64-patch8"): "propagated_labels",
    ("demo_pairs", "letterbox64"): "matched_keypoints",
}


def passes(config, demo_models=()):
    return planned_passes(config, MODELS, set(demo_models))["demo_fs"]


def test_all_statistics_of_one_dataset_share_one_pass():
    planned = passes(DEFAULT, {"demo_fs"})
    assert set(planned) == {VAL, TRAIN, *TASKS}
    assert {"mask_iou", "average_attention", "pooled_features", "gram_blocks", "region_features"} <= set(planned[VAL])
    assert planned[VAL]["pooled_features"]["facets"] == ["cls", "mean_patch"]
    assert planned[TRAIN] == {"pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"}}
    for geometry, collector in TASKS.items():
        assert set(planned[geometry]) == {collector}


def test_only_the_demo_check_needs_mean_patch_tokens_of_the_bank():
    assert passes(DEFAULT)[TRAIN]["pooled_features"]["facets"] == ["cls"]


@pytest.mark.parametrize(
    ("analysis", "gone"),
    [
        ("video", {key for key in TASKS if key[0] == "demo_clips"}),
        ("keypoints", {("demo_pairs", "letterbox64")}),
        ("clustering", {("demo_val", "short128-tile64-patch8")}),
        ("knn", {TRAIN}),
    ],
)
def test_an_analysis_that_is_null_makes_no_pass(analysis, gone):
    config = copy.deepcopy(DEFAULT)
    config["thesis"][analysis] = None
    assert set(passes(DEFAULT)) - set(passes(config)) == gone
    assert analysis not in analyses(config["thesis"])


def test_a_mask_dataset_of_its_own_is_a_pass_of_its_own():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["attention"]["mask_dataset"] = "other"
    planned = passes(config)
    assert set(planned["other", "resize64-crop64"]) == {"mask_iou"}
    assert "mask_iou" not in planned[VAL]


def test_tiles_follow_the_patch_of_the_model():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["geometry"] = {"resize": 224, "crop": 224}
    config["thesis"]["retrieval"]["fit"] = 224
    assert geometries(config["thesis"], 14) == {
        "whole": "resize224-crop224",
        "retrieval": "fit224-resize224-crop224",
        "frames": "squash224",
        "dense": "short448-tile224-patch14",
        "keypoints": "letterbox224",
    }


def test_features_of_further_datasets():
    config = copy.deepcopy(DEFAULT)
    config["features"] = {"datasets": ["mine"], "geometry": {"resize": 72, "crop": 64}}
    assert set(passes(config)["mine", "resize72-crop64"]) == {"pooled_features"}


def test_requests_are_united():
    one = {"pooled_features": {"facets": ["cls"], "precision": "float16"}}
    other = {"pooled_features": {"facets": ["mean_patch", "cls"], "precision": "float16"}, "mask_iou": {}}
    assert merged(one, other) == {
        "pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"},
        "mask_iou": {},
    }
    assert one["pooled_features"]["facets"] == ["cls"]
