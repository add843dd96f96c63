"""What the configuration asks of each model."""

import copy
from pathlib import Path

from workflow_scripts.common.config import read_yaml
from workflow_scripts.studies.plan import planned_passes

DEFAULT = read_yaml(Path(__file__).resolve().parents[2] / "config/config.yaml")
VAL = ("demo_val", "resize64-crop64")


def test_all_statistics_of_one_dataset_share_one_pass():
    passes = planned_passes(DEFAULT, {"demo_fs"})["demo_fs"]
    assert set(passes) == {VAL, ("demo_train", "resize64-crop64")}
    assert {"mask_iou", "average_attention", "pooled_features"} <= set(passes[VAL])
    assert set(passes["demo_train", "resize64-crop64"]) == {"pooled_features"}


def test_a_model_that_the_demo_does_not_train_skips_the_demo_check():
    assert set(planned_passes(DEFAULT, set())["demo_fs"]) == {VAL}


def test_a_mask_dataset_of_its_own_is_a_pass_of_its_own():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["attention"]["mask_dataset"] = "other"
    passes = planned_passes(config, set())["demo_fs"]
    assert set(passes["other", "resize64-crop64"]) == {"mask_iou"}
    assert "mask_iou" not in passes[VAL]


def test_features_of_further_datasets():
    config = copy.deepcopy(DEFAULT)
    config["features"] = {"datasets": ["mine"], "geometry": {"resize": 72, "crop": 64}}
    assert planned_passes(config, set())["demo_fs"]["mine", "resize72-crop64"] == {"pooled_features": {}}
