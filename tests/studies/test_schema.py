"""The configuration's schema out of the studies' descriptions, and the defaults that fill it."""

import copy

import pytest
import yaml

from workflow_scripts.common.config import check
from workflow_scripts.common.study import Analysis, Ask, Setting, Study
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.studies.found import ROOT, find_study, study_names
from workflow_scripts.studies.schema import config_schema, fill_defaults
from workflow_scripts.studies.settings import SCHEMAS, load_settings

GENERAL = read_yaml(SCHEMAS / "config.schema.yaml")
DEFAULT = read_yaml(ROOT / "config/config.yaml")
SIZE = {"type": "object", "additionalProperties": False, "properties": {"crop": {"type": "integer"}}}


def study(name="made"):
    def setting(key, default, schema, truth=""):
        return Setting(key, default, schema, truth, f"what {key} decides")

    task = {
        "dataset": setting("dataset", "photos", {"type": ["string", "null"]}, truth="label"),
        "ks": setting("ks", [10, 20], {"type": "array", "items": {"type": "integer"}, "contains": {"const": 20}}),
        "dense": setting("dense", True, {"type": "boolean"}),
    }
    asks = {"images": Ask("images", "dataset", "whole", {"gram_blocks": {}})}
    return Study(
        name=name, title=f"The study {name}", reference={}, views={"whole": {"crop": "geometry"}},
        settings={"geometry": setting("geometry", {"crop": 224}, SIZE)},
        analyses={"task": Analysis(name, "task", "A task", task, asks, over_models=False, maps=False, fits=(), needs={})},
        fits={}, scores={}, figures=(), summary=None, claims="", files=(),
    )  # fmt: skip


def test_what_is_not_named_has_the_study_s_default():
    config = {"made": {"task": {"dense": False}}}
    fill_defaults(config, [study()])
    assert config == {"made": {"geometry": {"crop": 224}, "task": {"dataset": "photos", "ks": [10, 20], "dense": False}}}


def test_a_study_that_is_not_named_has_all_defaults():
    config = {}
    fill_defaults(config, [study(), study("other")])
    assert config["made"] == config["other"]
    assert config["made"]["task"]["dataset"] == "photos"


def test_null_is_a_choice_and_stays():
    config = {"made": {"task": None}}
    fill_defaults(config, [study()])
    assert config["made"]["task"] is None
    config = {"made": {"task": {"dataset": None}}}
    fill_defaults(config, [study()])
    assert config["made"]["task"]["dataset"] is None


@pytest.mark.parametrize("wrong", [3, [1], "text"])
def test_what_is_no_mapping_is_left_for_the_schema_to_report(wrong):
    for config in ({"made": wrong}, {"made": {"task": wrong}}):
        given = copy.deepcopy(config)
        fill_defaults(config, [study()])
        if config["made"] == wrong:
            assert config == given
        else:
            assert config["made"]["task"] == wrong
        assert len(check(config, {"properties": config_schema(GENERAL, [study()])["properties"]}, [])) == 1


def test_a_default_is_not_shared_between_configurations():
    one, other, made = {}, {}, study()
    fill_defaults(one, [made])
    one["made"]["geometry"]["crop"] = 1
    fill_defaults(other, [made])
    assert other["made"]["geometry"] == {"crop": 224}
    assert made.settings["geometry"].default == {"crop": 224}


def test_every_study_has_a_section_whether_it_is_enabled_or_not():
    schema = config_schema(GENERAL, [study(), study("other")])
    assert schema["properties"]["studies"]["items"] == {"enum": ["made", "other"]}
    assert set(schema["properties"]) - set(GENERAL["properties"]) - {"studies"} == {"made", "other"}
    assert "made" not in GENERAL["properties"]  # what is general is not changed
    assert schema["additionalProperties"] is False


def test_the_schema_says_what_settings_mean():
    section = config_schema(GENERAL, [study()])["properties"]["made"]
    assert section["description"] == "The study made"
    assert section["properties"]["task"]["description"] == "A task"
    assert section["properties"]["task"]["properties"]["dense"] == {"type": "boolean", "description": "what dense decides"}


# (what stands in the file, what is said of it, with its line)
MISTAKES = {
    "wrong type": ("made:\n  task:\n    dense: 3\n", "{file}:3: made.task.dense: found 3, expected true or false"),
    "wrong type of a list's items": (
        "made:\n  task: {ks: [20, x]}\n",
        "{file}:2: made.task.ks.1: found 'x', expected a whole number",
    ),
    "not contained": ("made:\n  task:\n    ks: [10]\n", "{file}:3: made.task.ks: found [10], must contain 20"),
    "unknown key of an analysis": (
        "made:\n  task:\n    dens: true\n",
        "{file}:3: made.task.dens: unknown key (allowed here: dataset, ks, dense); did you mean 'dense'?",
    ),
    "unknown key of a study": (
        "made:\n  tsk: {}\n",
        "{file}:2: made.tsk: unknown key (allowed here: geometry, task); did you mean 'task'?",
    ),
    "unknown key of a size": (
        "made:\n  geometry:\n    corp: 3\n",
        "{file}:3: made.geometry.corp: unknown key (allowed here: crop); did you mean 'crop'?",
    ),
    "unknown study": ("studies: [mad]\n", "{file}:1: studies.0: found 'mad', allowed: made; did you mean 'made'?"),
    "no study": ("studies: []\n", "{file}:1: studies: found [], must not be empty"),
    "an analysis that is no mapping": (
        "made:\n  task: 3\n",
        "{file}:2: made.task: found 3, expected a mapping (key: value) or null",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(mistake, tmp_path):
    text, said = MISTAKES[mistake]
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    schema = {"properties": config_schema(GENERAL, [study()])["properties"]}  # the general part has required keys
    assert check(yaml.safe_load(text), schema, [file]) == [said.format(file=file)]


def test_missing_ground_truth_leaves_out_what_needs_it_and_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "mine.yaml"
    file.write_text("thesis:\n  keypoints:\n    dataset: demo_val\n")
    config = copy.deepcopy(DEFAULT)
    config["thesis"]["keypoints"]["dataset"] = "demo_val"
    settings = load_settings(config, ["config/config.yaml", str(file)])
    assert list(settings.left_out) == ["thesis.keypoints.dataset"]
    assert (
        "'demo_val' has no keypoint_pairs: left out (Keypoints: pairs of images with keypoints)"
        in (settings.left_out["thesis.keypoints.dataset"])
    )
    assert settings.config["thesis"]["keypoints"]["dataset"] is None
    assert config["thesis"]["keypoints"]["dataset"] == "demo_val"  # what the user wrote stays as it is


@pytest.mark.parametrize("name", study_names())
def test_the_defaults_of_every_study_are_right_by_its_own_schema(name):
    described = find_study(name)
    config = {}
    fill_defaults(config, [described])
    section = config_schema(GENERAL, [described])["properties"][name]
    assert check(config[name], section, [described.files[0]]) == []
    assert set(config[name]) == {*described.settings, *described.analyses}
