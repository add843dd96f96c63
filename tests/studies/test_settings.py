"""Configuration mistakes: one line each, with file, line, key, what was found, what is allowed, the nearest name."""

import copy
import dataclasses
import re
from pathlib import Path

import pytest
import yaml

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.study import Setting
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.found import find_study, study_names
from workflow_scripts.studies.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml")


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def merge(base, over):
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


def problems(tmp_path, text):
    """Messages for the default configuration with `text` laid over it."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    config = merge(copy.deepcopy(DEFAULT), yaml.safe_load(text) or {})
    with pytest.raises(AtlasError) as caught:
        load_settings(config, ["config/config.yaml", str(path)])
    return [line.replace(str(path), "mine.yaml") for line in str(caught.value).splitlines()]


MISTAKES = {
    "unknown key": ("sed: 3", r"mine\.yaml:1: sed: unknown key \(allowed here: .*\); did you mean 'seed'\?"),
    "unknown nested key": (
        "demo:\n  efort: 0.5",
        r"mine\.yaml:2: demo\.efort: unknown key \(allowed here: .*\); did you mean 'effort'\?",
    ),
    "number as text": ("seed: lots", r"mine\.yaml:1: seed: found 'lots', expected a whole number"),
    "text as number": ("results: 3", r"mine\.yaml:1: results: found 3, expected text"),
    "list expected": ("models: {demo_fs: 1}", r"mine\.yaml:1: models: found a mapping, expected a list"),
    "mapping expected": ("demo: 3", r"mine\.yaml:1: demo: found 3, expected a mapping \(key: value\)"),
    "no number": ("demo: {effort: .nan}", r"mine\.yaml:1: demo\.effort: found nan, expected a finite number"),
    "no number in a study": (
        "thesis:\n  video:\n    temperature: .nan",
        r"mine\.yaml:3: thesis\.video\.temperature: found nan, expected a finite number",
    ),
    "no number in a list": (
        "thesis: {keypoints: {alphas: [0.1, .nan]}}",
        r"mine\.yaml:1: thesis\.keypoints\.alphas\.1: found nan, expected a finite number",
    ),
    "endless": ("plan_tflops: 1.0e+400", r"mine\.yaml:1: plan_tflops: found inf, expected a finite number"),
    "absurd": (
        "demo: {train_images: 1000000000000}",
        r"mine\.yaml:1: demo\.train_images: found 1000000000000, must be at most",
    ),
    "negative": ("seed: -1", r"mine\.yaml:1: seed: found -1, must be at least 0"),
    "zero effort": ("demo: {effort: 0}", r"mine\.yaml:1: demo\.effort: found 0, must be more than 0"),
    "not a choice": (
        "on_bad_image: skp",
        r"mine\.yaml:1: on_bad_image: found 'skp', allowed: stop, skip; did you mean 'skip'\?",
    ),
    "unknown study": ("studies: [thesiss]", r"mine\.yaml:1: studies\.0: found 'thesiss', allowed: .*thesis.*; did you mean"),
    "unknown model": (
        "seed: 1\nmodels: [demo_fs, demo_untrained, demo_din]",
        r"mine\.yaml:2: models: 'demo_din' is not in config/models\.yaml \(known: .*\); did you mean 'demo_dino'\?",
    ),
    "unknown dataset": (
        "thesis:\n  attention:\n    dataset: demo_vall",
        r"mine\.yaml:3: thesis\.attention\.dataset: 'demo_vall' is not in config/datasets\.yaml .*did you mean 'demo_val'\?",
    ),
    "unknown dataset of a task": (
        "thesis:\n  knn: {bank: demo_trian}",
        r"mine\.yaml:2: thesis\.knn\.bank: 'demo_trian' is not in .*did you mean 'demo_train'\?",
    ),
    "main model that does not exist": (
        "thesis: {main_models: [demo_fs, demo_din]}",
        r"mine\.yaml:1: thesis\.main_models: 'demo_din' is not in config/models\.yaml .*did you mean 'demo_dino'\?",
    ),
    "unknown analysis": (
        "thesis: {atention: {dataset: demo_val}}",
        r"mine\.yaml:1: thesis\.atention: unknown key \(allowed here: .*\); did you mean 'attention'\?",
    ),
    "unknown setting of an analysis": (
        "thesis:\n  video:\n    topk: 3",
        r"mine\.yaml:3: thesis\.video\.topk: unknown key \(allowed here: dataset, .*\); did you mean 'top_k'\?",
    ),
    "setting of another type": (
        "thesis: {clustering: {restarts: many}}",
        r"mine\.yaml:1: thesis\.clustering\.restarts: found 'many', expected a whole number",
    ),
    "analysis that is no mapping": ("thesis: {video: 3}", r"mine\.yaml:1: thesis\.video: found 3, expected a mapping"),
    "setting out of range": ("thesis: {video: {temperature: 0}}", r"thesis\.video\.temperature: found 0, must be more than 0"),
    "study that is no mapping": ("thesis: 3", r"mine\.yaml:1: thesis: found 3, expected a mapping"),
    "no k = 20": ("thesis: {knn: {neighbours: [5, 10]}}", r"thesis\.knn\.neighbours: found \[5, 10\], must contain 20"),
    "model twice": ("models: [demo_fs, demo_fs]", r"mine\.yaml:1: models: demo_fs is listed twice"),
    "no model": ("models: []", r"mine\.yaml:1: models: found \[\], must not be empty"),
    "crop larger than resize": (
        "demo: {geometry: {resize: 64, crop: 65}}",
        r"mine\.yaml:1: demo\.geometry: crop 65 is larger than resize 64",
    ),
    "crop of a study larger than resize": (
        "thesis: {geometry: {resize: 64, crop: 65}}",
        r"mine\.yaml:1: thesis\.geometry: crop 65 is larger than resize 64",
    ),
    "size said twice": (
        "thesis: {geometry: {patches: 12}}",  # beside the default's
        r"mine\.yaml:1: thesis\.geometry: found resize, crop, patches, expected resize and crop, or patches alone, or trained",
    ),
    "size said by half": ("thesis: {geometry: {resize: null}}", r"thesis\.geometry: found crop, expected resize and crop, or"),
    "models of a figure that there is not": (
        "figures: {models: {thesis/mask_iuo: [demo_fs]}}",
        r"mine\.yaml:1: figures\.models: 'thesis/mask_iuo' is not in docs/figures\.md .*did you mean 'thesis/mask_iou'\?",
    ),
    "a figure of a model that is not run": (
        "figures: {models: {thesis/mask_iou: [demo_ibot]}}",
        r"mine\.yaml:1: figures\.models\.thesis/mask_iou: 'demo_ibot' is not in the models of this run",
    ),
    "a model that a setting names and nobody knows": (
        "registers: {norms: {hand_models: [dinov2_g41]}}",
        r"mine\.yaml:1: registers\.norms\.hand_models: 'dinov2_g41' is not in .*did you mean 'dinov2_g14'\?",
    ),
    "size not trained": (
        "registers: {geometry: {trained: false}}",
        r"mine\.yaml:1: registers\.geometry\.trained: found False, allowed: True",
    ),
    "size of no patch": ("thesis: {geometry: {patches: 0}}", r"thesis\.geometry\.patches: found 0, must be at least 1"),
    "demo without control": ("models: [demo_fs]", r"mine\.yaml:1: models: .*untrained control; add demo_untrained"),
    "registry not there": ("registries: {models: config/modles.yaml}", r"config/modles\.yaml: no such file"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_line_that_tells(tmp_path, mistake):
    text, expected = MISTAKES[mistake]
    messages = problems(tmp_path, text)
    assert any(re.search(expected, message) for message in messages), messages
    assert all(len(message) < 400 for message in messages)


def test_every_mistake_is_reported_at_once(tmp_path):
    messages = problems(tmp_path, "seed: x\nsed: 1\ndemo: {clips: 0}")
    assert len(messages) == 3


def test_the_default_configuration_is_right():
    settings = load_settings(DEFAULT, ["config/config.yaml"])
    assert settings.demo_models[0] == "demo_fs"
    assert settings.checkpoint("random_baseline") is None


def test_the_demo_world_follows_the_resources_folder():
    settings = load_settings(merge(copy.deepcopy(DEFAULT), {"resources": "elsewhere"}), ["config/config.yaml"])
    assert settings.datasets["demo_val"]["path"] == "elsewhere/demo/world/val.safetensors"
    assert settings.checkpoint("demo_dino") == "elsewhere/checkpoints/demo_dino.pth"


def test_a_value_from_the_command_line_is_said_to_come_from_there():
    config = copy.deepcopy(DEFAULT) | {"sed": 3}
    with pytest.raises(AtlasError, match=r"^--config: sed: unknown key"):
        load_settings(config, ["config/config.yaml"])


def test_numbers_from_the_command_line_are_numbers():
    # As Snakemake hands over --config demo={effort: 0.5, minimum_margin: null} features={geometry: {resize: 72, crop: 64}}
    over = {
        "demo": {"effort": "0.5", "minimum_margin": "null"},
        "features": {"geometry": {"resize": "72", "crop": "64"}},
        "keep_crops": "false",
    }
    settings = load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"])
    assert settings.config["demo"]["effort"] == 0.5
    assert settings.config["demo"]["minimum_margin"] is None
    assert settings.config["features"]["geometry"] == {"resize": 72, "crop": 64}
    assert settings.config["keep_crops"] is False


def test_lists_from_the_command_line_narrow_a_run_consistently():
    over = {"models": "demo_untrained,demo_mae", "studies": "thesis", "thesis": {"main_models": ["demo_fs", "demo_mae"]}}
    settings = load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"])
    assert list(settings.passes) == ["demo_untrained", "demo_mae"]
    assert settings.main_models(settings.studies[0]) == ["demo_mae"]


def test_weights_at_a_path_must_be_there_and_fetched_ones_need_not(tmp_path):
    entry = {"checkpoint": {"source": {"type": "path", "path": str(tmp_path / "w.pth")}, "layout": "timm"}}
    with pytest.raises(AtlasError, match=r"models\.yaml:\d+: models\.demo_dino\.checkpoint\..*w\.pth does not exist; put"):
        load_settings(registry(tmp_path, **entry), ["config/config.yaml"])
    (tmp_path / "w.pth").mkdir()
    with pytest.raises(AtlasError, match=r"w\.pth is a folder; name the file in it"):
        load_settings(registry(tmp_path, **entry), ["config/config.yaml"])
    source = {"type": "url", "url": "https://x.org/w.pth"}
    entry = {"checkpoint": {"source": source, "file": "w.pth", "layout": "timm", "position_resize": "offset"}}
    assert load_settings(registry(tmp_path, **entry), ["config/config.yaml"]).fetched_models == ["demo_dino"]


def test_a_whole_number_is_one_however_it_is_written():
    config = merge(copy.deepcopy(DEFAULT), {"seed": 1.0, "batch_size": "8", "demo": {"train_images": 96.0, "effort": 1}})
    made = load_settings(config, ["config/config.yaml"]).config
    assert [repr(n) for n in (made["seed"], made["batch_size"], made["demo"]["train_images"])] == ["1", "8", "96"]


def test_a_missing_key_names_its_section():
    config = copy.deepcopy(DEFAULT)
    del config["demo"]["effort"]
    with pytest.raises(AtlasError, match=r"config/config\.yaml:\d+: demo: key 'effort' is missing"):
        load_settings(config, ["config/config.yaml"])


def registry(tmp_path, **changes):
    models = read_yaml(ROOT / "config/models.yaml")
    entry = models["models"]["demo_dino"]
    for key, value in changes.items():
        if value is None:
            del entry[key]
        else:
            entry[key] = value
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models, sort_keys=False))
    return merge(copy.deepcopy(DEFAULT), {"registries": {"models": str(path)}})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"adapter": "timm_vitt"}, r"models\.yaml:\d+: models\.demo_dino\.adapter: found 'timm_vitt', allowed: .*'timm_vit'"),
        ({"heads": "four"}, r"models\.yaml:\d+: models\.demo_dino\.heads: found 'four', expected a whole number"),
        ({"licence": None}, r"models\.yaml:\d+: models\.demo_dino: key 'licence' is missing"),
        ({"license": "MIT"}, r"models\.demo_dino\.license: unknown key .*did you mean 'licence'"),
    ],
)
def test_registry_mistakes(tmp_path, changes, expected):
    with pytest.raises(AtlasError, match=expected):
        load_settings(registry(tmp_path, **changes), ["config/config.yaml"])


def test_a_model_whose_positions_cannot_be_resampled_is_refused_at_other_sizes(tmp_path):
    checkpoint = read_yaml(ROOT / "config/models.yaml")["models"]["demo_dino"]["checkpoint"] | {"position_resize": None}
    over = {"studies": ["thesis"], "thesis": {"geometry": {"resize": 80, "crop": 80}}}
    with pytest.raises(
        AtlasError, match=r"models: 'demo_dino' takes 60 px, but a study shows images of 80 x 80 px; .*position_resize"
    ):
        load_settings(merge(registry(tmp_path, checkpoint=checkpoint), over), ["config/config.yaml"])
    settings = load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"])
    assert set(settings.passes["demo_dino"]["demo_pairs"].views) == {"letterbox80"}
    assert settings.patch_grid("demo_dino", "letterbox80") == "16x16"


def test_it_is_refused_images_of_various_sizes_even_if_the_largest_are_of_its_own(tmp_path, monkeypatch):
    study = find_study("thesis")
    longest = Setting("longest", 60, {"type": "integer"}, "", "of images")
    views = {name: {"padded": "longest"} for name in study.views}
    study = dataclasses.replace(study, settings=study.settings | {"longest": longest}, views=views)
    monkeypatch.setattr("workflow_scripts.studies.settings.find_study", lambda name: study)
    monkeypatch.setattr("workflow_scripts.studies.settings.study_names", lambda: ["thesis"])
    checkpoint = read_yaml(ROOT / "config/models.yaml")["models"]["demo_dino"]["checkpoint"] | {"position_resize": None}
    config = merge(registry(tmp_path, checkpoint=checkpoint), {"studies": ["thesis"]})
    for other in set(study_names()) - {"thesis"}:
        config.pop(other, None)
    with pytest.raises(
        AtlasError, match=r"'demo_dino' takes 60 px, but a study shows images of various sizes, up to 60 x 60 px"
    ):
        load_settings(config, ["config/config.yaml"])


def test_any_id_may_be_that_of_noise(tmp_path):
    models = read_yaml(ROOT / "config/models.yaml")
    models["models"]["noise"] = models["models"]["random_baseline"]
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(models, sort_keys=False))
    over = {"registries": {"models": str(path)}, "models": ["demo_untrained", "noise"]}
    assert load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"]).checkpoint("noise") is None


def test_settings_left_out_are_the_study_s_own():
    config = merge(copy.deepcopy(DEFAULT), {"thesis": {"video": None}})
    thesis = load_settings(config, ["config/config.yaml"]).config["thesis"]
    assert thesis["video"] is None
    assert thesis["knn"] == {"bank": "demo_train", "queries": "demo_val", "neighbours": [10, 20, 100, 200]}
    assert (thesis["clustering"]["restarts"], thesis["clustering"]["dense"]) == (3, True)
    assert thesis["attention"]["per_class_maps"] is True
    config = copy.deepcopy(DEFAULT) | {"thesis": {"geometry": {"resize": 64, "crop": 64}}}
    assert load_settings(config, ["config/config.yaml"]).config["thesis"]["knn"]["bank"] == "imagenet1k_train"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": "{resources}/datasets/davis2017"}, r"datasets\.mine: another dataset fills .*davis2017 from other archives"),
        ({"file": "val2017.zip"}, r"datasets\.mine: 'val2017\.zip' is also the name of http\S+; rename one"),
    ],
)
def test_two_datasets_do_not_share_a_folder_or_a_name_by_accident(tmp_path, changes, expected):
    datasets = read_yaml(ROOT / "config/datasets.yaml")
    entry = copy.deepcopy(datasets["datasets"]["davis2017_val"])
    entry["path"] = changes.get("path", "{resources}/datasets/mine")
    entry["source"]["files"][0] |= {"name": changes.get("file", "mine.zip"), "url": "https://example.org/mine.zip"}
    datasets["datasets"]["mine"] = entry
    path = tmp_path / "datasets.yaml"
    path.write_text(yaml.safe_dump(datasets, sort_keys=False))
    with pytest.raises(AtlasError, match=expected):
        load_settings(merge(copy.deepcopy(DEFAULT), {"registries": {"datasets": str(path)}}), ["config/config.yaml"])


def test_a_key_that_stands_twice_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 1\ndemo:\n  effort: 1\n  effort: 2\n")
    with pytest.raises(AtlasError, match=r"c\.yaml:4: key 'effort' stands twice, first in line 3"):
        read_yaml(tmp_path / "c.yaml")


def test_broken_yaml_names_the_line(tmp_path):
    (tmp_path / "c.yaml").write_text("seed: 1\nmodels: [a, b\nx: 2\n")
    with pytest.raises(AtlasError, match=r"c\.yaml:3: not valid YAML"):
        read_yaml(tmp_path / "c.yaml")


def test_a_shape_is_two_sides_and_null_only_where_that_means_something():
    over = {"studies": ["local"], "local": {"other_patches": {"size": None}}}
    assert load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"])
    for wrong in (None, [64], [64, 0]):
        over["local"] = {"full_images": {"size": wrong}}
        with pytest.raises(AtlasError, match=r"local\.full_images\.size"):
            load_settings(merge(copy.deepcopy(DEFAULT), over), ["config/config.yaml"])
