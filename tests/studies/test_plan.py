"""What the configuration asks of each model."""

import copy
import dataclasses
from pathlib import Path

import pytest

from workflow_scripts.common.study import Ask, Setting
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.alterations import ALTERATIONS
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.plan import (
    analysed_models,
    asked,
    enabled_analyses,
    merged,
    planned_fits,
    planned_passes,
    view_name,
)
from workflow_scripts.studies.schema import fill_defaults

ROOT = Path(__file__).resolve().parents[2]
THESIS = find_study("thesis")
DEFAULT = read_yaml(ROOT / "config/config.yaml")
fill_defaults(DEFAULT, [THESIS])
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]
WHOLE = "resize64-crop60"
PASSES = {
    "demo_val": {WHOLE, "short120-tile60-patch5"},
    "demo_train": {WHOLE},
    "demo_clips": {"squash60", "short120-tile60-patch5"},
    "demo_pairs": {"letterbox60"},
}


def passes(config, demo_models=(), studies=(THESIS,)):
    return planned_passes(config, MODELS, set(demo_models), studies)["demo_fs"]


def views(planned):
    return {job: set(passed.views) for job, passed in planned.items()}


def changed(study, name, **ask):
    """The study with another ask in an analysis."""
    analysis = study.analyses[name]
    first = next(iter(analysis.asks.values()))
    asks = {first.name: dataclasses.replace(first, **ask)}
    return dataclasses.replace(study, analyses={name: dataclasses.replace(analysis, asks=asks)})


def test_all_statistics_of_one_dataset_share_one_pass_over_its_views():
    planned = passes(DEFAULT, {"demo_fs"})
    assert views(planned) == PASSES
    val = planned["demo_val"].views
    assert {"mask_iou", "average_attention", "pooled_features", "gram_blocks", "region_features"} <= set(val[WHOLE])
    assert val[WHOLE]["pooled_features"]["facets"] == ["cls", "mean_patch"]
    assert val[WHOLE]["chosen_attention"] == {"cls_images": 10, "whole_images": 2}
    assert set(val["short120-tile60-patch5"]) == {"region_features"}
    features = {"pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"}}
    assert planned["demo_train"].views == {WHOLE: features}
    assert all(set(view) == {"propagated_labels"} for view in planned["demo_clips"].views.values())
    assert set(planned["demo_pairs"].views["letterbox60"]) == {"matched_keypoints"}


def test_only_the_demo_check_needs_mean_patch_tokens_of_the_bank():
    assert passes(DEFAULT)["demo_train"].views[WHOLE]["pooled_features"]["facets"] == ["cls"]


@pytest.mark.parametrize(
    ("analysis", "gone"),
    [
        ("video", {"demo_clips": PASSES["demo_clips"]}),
        ("keypoints", {"demo_pairs": {"letterbox60"}}),
        ("clustering", {"demo_val": {"short120-tile60-patch5"}}),
        ("knn", {"demo_train": {WHOLE}}),
        ("attention", {}),
    ],
)
def test_an_analysis_that_is_null_makes_no_pass(analysis, gone):
    config = copy.deepcopy(DEFAULT)
    config["thesis"][analysis] = None
    before, after = views(passes(DEFAULT)), views(passes(config))
    assert {job: found - after.get(job, set()) for job, found in before.items() if found != after.get(job)} == gone
    assert analysis not in [one.name for one in enabled_analyses(THESIS, config)]


def test_a_dataset_that_is_null_leaves_its_analysis_out_unless_its_ask_is_off():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["attention"]["dataset"] = None
    assert "attention" not in [one.name for one in enabled_analyses(THESIS, config)]
    assert "mask_iou" not in passes(config)["demo_val"].views[WHOLE]
    assert "average_attention" not in passes(config)["demo_val"].views[WHOLE]


def test_an_optional_ask_without_a_dataset_is_left_out_alone():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["attention"]["mask_dataset"] = None
    assert [one.name for one in asked(THESIS, THESIS.analyses["attention"], config, 8)] == ["images"]
    config["thesis"]["clustering"] |= {f"{kind}_dataset": None for kind in ("image", "object", "part")}
    assert "clustering" not in [one.name for one in enabled_analyses(THESIS, config)]


def test_a_condition_that_does_not_hold_drops_its_ask():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["video"]["dense"] = False
    assert [one.name for one in asked(THESIS, THESIS.analyses["video"], config, 8)] == ["normal"]
    assert views(passes(config))["demo_clips"] == {"squash60"}


def test_a_mask_dataset_of_its_own_is_a_pass_of_its_own():
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["attention"]["mask_dataset"] = "other"
    planned = passes(config)
    assert set(planned["other"].views[WHOLE]) == {"mask_iou"}
    assert "mask_iou" not in planned["demo_val"].views[WHOLE]


def test_an_ask_apart_is_a_job_of_its_own():
    study = changed(THESIS, "knn", apart=True)
    planned = passes(DEFAULT, studies=[THESIS, study])
    assert planned["demo_train"] == planned["demo_train/thesis_knn_bank"]
    assert set(planned) == {*PASSES, "demo_train/thesis_knn_bank"}
    ask = asked(study, study.analyses["knn"], DEFAULT, 5)[0]
    assert (ask.dataset, ask.job) == ("demo_train", "demo_train/thesis_knn_bank")


def test_an_ask_of_its_own_collectors_shares_the_pass():
    study = changed(THESIS, "knn", own=True)
    planned = passes(DEFAULT, studies=[THESIS, study])
    assert set(planned) == set(PASSES)
    gathered = planned["demo_train"].views[WHOLE]
    assert (
        gathered["pooled_features@thesis_knn_bank"]
        == asked(THESIS, THESIS.analyses["knn"], DEFAULT, 5)[0].collectors["pooled_features"]
    )
    ask = asked(study, study.analyses["knn"], DEFAULT, 5)[0]
    assert (ask.job, ask.owner, list(ask.collectors)) == ("demo_train", "thesis_knn_bank", ["pooled_features@thesis_knn_bank"])


def test_an_ask_for_each_value_is_asked_once_for_each():
    study = changed(THESIS, "knn", each="neighbours", view="blurred")
    study = dataclasses.replace(study, views={"blurred": {"crop": "geometry", "blur": "each"}})
    found = asked(study, study.analyses["knn"], DEFAULT, 5)
    assert [one.name for one in found] == ["bank/10", "bank/20", "bank/100", "bank/200"]
    assert [one.view for one in found] == [f"{WHOLE}-blur{k}" for k in (10, 20, 100, 200)]


@pytest.mark.parametrize(
    ("view", "name"),
    [
        ("whole", "resize256-crop224"),
        ("shrunk", "fit224-resize256-crop224"),
        ("frames", "squash224"),
        ("dense", "short448-tile224-patch14"),
        ("boxed", "letterbox224"),
    ],
)
def test_views_are_named_by_what_they_are(view, name):
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["geometry"] = {"resize": 256, "crop": 224}
    config["thesis"]["retrieval"]["fit"] = 224
    assert view_name(THESIS, config, view, 14) == name


@pytest.mark.parametrize(
    ("size", "patch", "name"),
    [
        ((320, 320), 14, "resize322-crop322"),
        ((320, 320), 16, "resize320-crop320"),
        ((366, 320), 14, "resize368-crop322"),
        ((64, 64), 14, "resize70-crop70"),  # half a patch is rounded up
        ((5, 5), 16, "resize16-crop16"),
    ],
)
def test_a_size_is_rounded_to_the_patch(size, patch, name):
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["geometry"] = dict(zip(("resize", "crop"), size, strict=True))
    assert view_name(THESIS, config, "whole", patch) == name


@pytest.mark.parametrize(("view", "name"), [("whole", "resize840-crop840"), ("boxed", "letterbox840"), ("frames", "squash840")])
def test_a_size_may_be_a_number_of_patches(view, name):
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["geometry"] = {"resize": None, "crop": None, "patches": 60}
    assert view_name(THESIS, config, view, 14) == name
    assert view_name(THESIS, config, view, 16) == name.replace("840", "960")


def test_a_blur_may_be_a_setting():
    study = dataclasses.replace(THESIS, views={"blurred": {"squash": "geometry", "blur": "video.radius"}})
    assert view_name(study, DEFAULT, "blurred", 8) == "squash64-blur12"


@pytest.mark.parametrize("word", ALTERATIONS)
def test_any_alteration_may_be_a_setting_or_each_of_several(word):
    views = {name: {"squash": "geometry", word: name} for name in ("n", "each")}
    study = dataclasses.replace(THESIS, views=views)
    config = {"thesis": {**DEFAULT["thesis"], "n": 2}}
    assert view_name(study, config, "n", 8) == f"squash64-{word}2"
    assert view_name(study, config, "each", 8, value=3) == f"squash64-{word}3"


@pytest.mark.parametrize(("patch", "sides"), [(16, [16, 32, 256]), (14, [14, 28, 252]), (5, [15, 30, 255])])
def test_a_view_may_be_of_each_of_several_sizes(patch, sides):
    study = dataclasses.replace(THESIS, views={"small": {"area": "each"}})
    assert [view_name(study, DEFAULT, "small", patch, value=side) for side in (16, 30, 256)] == [
        f"area{side}" for side in sides
    ]


def test_padded_views_hold_the_longest_side_as_it_is():
    views = {
        "own": {"padded": "longest"},
        "scaled": {"padded": "each", "scaled": True},
        "one": {"padded": "side", "scaled": True},
    }
    study = dataclasses.replace(THESIS, views=views)
    config = {"thesis": {**DEFAULT["thesis"], "longest": 500, "side": 300}}
    assert view_name(study, config, "own", 14) == "padded500-patch14"
    assert view_name(study, config, "one", 16) == "long300-patch16"
    assert [view_name(study, config, "scaled", 14, value=side) for side in (224, 672)] == ["long224-patch14", "long672-patch14"]


def test_features_of_further_datasets():
    config = copy.deepcopy(DEFAULT)
    config["features"] = {"datasets": ["mine"], "geometry": {"resize": 72, "crop": 64}}
    assert set(passes(config)["mine"].views["resize73-crop65"]) == {"pooled_features"}


def test_requests_are_united():
    one = {"pooled_features": {"facets": ["cls"], "precision": "float16"}}
    other = {"pooled_features": {"facets": ["mean_patch", "cls"], "precision": "float16"}, "mask_iou": {}}
    assert merged(one, other) == {
        "pooled_features": {"facets": ["cls", "mean_patch"], "precision": "float16"},
        "mask_iou": {},
    }
    assert one["pooled_features"]["facets"] == ["cls"]
    places = {"chosen_head_average": {"images": 1, "queries": [[0.5, 0.5], [0, 1]]}}
    assert merged(places, {"chosen_head_average": {"queries": [[0, 1], [1, 1]]}}) == {
        "chosen_head_average": {"images": 1, "queries": [[0.5, 0.5], [0, 1], [1, 1]]}
    }


def test_who_asks_for_all_layers_has_those_of_others():
    some, everything = ({"patch_store": {"layers": layers, "seed": 0}} for layers in ([-1], "all"))
    assert merged(some, everything) == merged(everything, some) == everything
    with pytest.raises(AssertionError, match="two studies want patch_store with other seed"):
        merged(some, {"patch_store": {"layers": [1], "seed": 1}})
    with pytest.raises(AssertionError, match="other precision"):
        merged({"a": {"precision": "all"}}, {"a": {"precision": "float16"}})  # words are not lists


def test_views_of_tiles_and_shapes():
    views = {
        "cut": {"cut": "geometry", "tile": "side", "noise": "each"},
        "resized": {"cut": "geometry", "tile": "side", "to": "shape"},
        "as_is": {"cut": "geometry", "tile": "side", "to": "nothing"},
        "whole": {"squash": "shape"},
    }
    study = dataclasses.replace(THESIS, views=views)
    settings = {"geometry": {"resize": 224, "crop": 224}, "side": 128, "shape": [384, 640], "nothing": None}
    config = {"thesis": {**DEFAULT["thesis"], **settings}}
    assert view_name(study, config, "cut", 16, value=20) == "tile128-resize224-noise20"
    assert view_name(study, config, "resized", 14) == "squash384x640-tile128-resize224"
    assert view_name(study, config, "as_is", 20) == "tile128-resize220"
    assert view_name(study, config, "whole", 14) == "squash378x644"


def test_an_ask_is_what_the_description_says():
    assert THESIS.analyses["residual"].asks == {
        "images": Ask("images", dataset="dataset", view="whole", gather={"residual_ratio": {}})
    }


def of_some(chosen):
    """The study with one analysis, of the models that its setting names, and a configuration of two models."""
    study = find_study("segmentation")
    setting = Setting("only", None, {}, "", "models")
    analysis = study.analyses["clustering"]
    analysis = dataclasses.replace(analysis, models="only", settings=analysis.settings | {"only": setting})
    config = copy.deepcopy(DEFAULT) | {"models": ["demo_fs", "demo_dino"]}
    study = dataclasses.replace(study, analyses={"clustering": analysis}, fits={"codebooks": study.fits["codebooks"]})
    fill_defaults(config, [study])
    config["segmentation"]["clustering"]["only"] = chosen
    return study, config


def test_an_analysis_can_be_of_some_models_alone_with_its_fits_and_passes():
    study, config = of_some(["demo_dino", "mae_b16"])
    assert analysed_models(study.analyses["clustering"], config) == ["demo_dino"]
    planned = planned_passes(config, MODELS, set(), [study])
    assert (set(planned["demo_fs"]), set(planned["demo_dino"])) == (set(), {"demo_val"})
    assert [set(planned_fits(study, config, model, 5)) for model in config["models"]] == [set(), {"codebooks"}]
    for everyone in (None, ["demo_dino", "demo_fs"]):
        study, config = of_some(everyone)
        assert analysed_models(study.analyses["clustering"], config) == config["models"]
        assert all(planned_fits(study, config, model, 5) for model in config["models"])


def test_an_analysis_of_no_model_of_the_run_is_none():
    study, config = of_some(["mae_b16"])
    assert enabled_analyses(study, config) == []
    assert not any(planned_fits(study, config, model, 5) for model in config["models"])
