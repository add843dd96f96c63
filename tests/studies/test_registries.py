"""Registries: several files laid over each other, each at fault by its own name; entries that cannot work are refused."""

import copy
from pathlib import Path

import pytest
import yaml

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.demo.models import NORMALISATION
from workflow_scripts.studies.registries import SCHEMAS, read_registry
from workflow_scripts.studies.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = read_yaml(ROOT / "config/config.yaml")
MODELS = read_yaml(ROOT / "config/models.yaml")["models"]
OWN = {
    "display_name": "Mine",
    "reader": "image_folder",
    "path": "photos",
    "source": {"type": "local"},
    "ground_truth": [],
    "licence": "own",
}
ARCHIVE = {"name": "a.zip", "url": "https://x.org/a.zip", "access": "open", "extract": {"kind": "zip"}}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def settings(tmp_path, models=None, datasets=None, **config):
    """Settings of the default configuration with own entries laid over the project's."""
    registries = {"models": ["config/models.yaml"], "datasets": ["config/datasets.yaml"]}
    for kind, entries in (("models", models), ("datasets", datasets)):
        if entries is not None:
            (tmp_path / f"{kind}.yaml").write_text(yaml.safe_dump({kind: entries}))
            registries[kind].append(str(tmp_path / f"{kind}.yaml"))
    return load_settings(copy.deepcopy(DEFAULT) | {"registries": registries} | config, ["config/config.yaml"])


def problems(tmp_path, **entries):
    with pytest.raises(AtlasError) as caught:
        settings(tmp_path, **entries)
    return [line.replace(f"{tmp_path}/", "") for line in str(caught.value).splitlines()]


def test_own_entries_stand_beside_the_project_s_and_take_the_place_of_their_names(tmp_path):
    (tmp_path / "photos").mkdir()
    own = OWN | {"path": str(tmp_path / "photos") + "//"}
    mae = copy.deepcopy(MODELS["demo_mae"]) | {"display_name": "Renamed"}
    made = settings(
        tmp_path, models={"demo_mae": mae}, datasets={"mine": own}, features=DEFAULT["features"] | {"datasets": ["mine"]}
    )
    assert made.models["demo_mae"]["display_name"] == "Renamed"
    assert made.models["demo_fs"]["display_name"] == MODELS["demo_fs"]["display_name"]
    assert made.datasets["mine"]["path"] == str(tmp_path / "photos")
    assert made.registries["models"].sources["demo_mae"] == str(tmp_path / "models.yaml")
    assert made.registries["models"].sources["demo_fs"] == "config/models.yaml"
    assert "mine" in made.passes["demo_mae"]


def test_every_file_at_fault_is_named(tmp_path):
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text("models: {a: 1}\n")
    other.write_text("modles: {}\n")
    with pytest.raises(AtlasError) as caught:
        read_registry("models", [str(one), str(other), str(tmp_path / "none.yaml")])
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{one}:1: models.a: found 1, expected a mapping (key: value)"
    assert f"{other}:1: modles: unknown key (allowed here: models); did you mean 'models'?" in lines
    assert lines[-1] == f"{tmp_path / 'none.yaml'}: no such file; check the path"


def with_checkpoint(**checkpoint):
    return {"demo_mae": MODELS["demo_mae"] | {"checkpoint": MODELS["demo_mae"]["checkpoint"] | checkpoint}}


URL = {"type": "url", "url": "https://x.org/w.pth"}
WRONG_MODELS = {
    "folder in the file": (with_checkpoint(file="sub/w.pth"), "checkpoint.file: 'sub/w.pth' is no plain file name; leave"),
    "up in the file": (with_checkpoint(file="../w.pth"), "checkpoint.file: '../w.pth' is no plain file name; leave"),
    "brace in the file": (with_checkpoint(file="w{}.pth"), "checkpoint.file: 'w{}.pth' has a brace"),
    "no file": (with_checkpoint(source=URL, file=None), "checkpoint.file: found None, expected text"),
    "no layout": (with_checkpoint(layout=None), "checkpoint.layout: found None, expected text"),
    "file of another": (
        with_checkpoint(source=URL, file=MODELS["demo_fs"]["checkpoint"]["file"]),
        "checkpoint.file: 'demo_fs.npz' is also the file of 'demo_fs', from another source; rename one",
    ),
    "path with a brace": (
        with_checkpoint(source={"type": "path", "path": "a{b}.pth"}),
        "checkpoint.source.path: 'a{b}.pth' has a brace, which Snakemake takes for a wildcard",
    ),
    "unknown demo method": (with_checkpoint(source={"type": "demo", "method": "dinno"}), "found 'dinno', allowed: fs, clip,"),
    "name of two lines": (
        {"demo_mae": MODELS["demo_mae"] | {"display_name": "a\nb"}},
        "display_name: found 'a\\nb', expected one",
    ),
    "long name": ({"demo_mae": MODELS["demo_mae"] | {"display_name": "a" * 61}}, "found 61 characters, allowed are 60"),
    "no spread": (
        {"demo_mae": MODELS["demo_mae"] | {"normalisation": {"mean": [0, 0, 0], "std": [0, 0, 0]}}},
        "normalisation.std.0: found 0, must be more than 0",
    ),
    "endless spread": (
        {"demo_mae": MODELS["demo_mae"] | {"normalisation": {"mean": [0, 0, 0], "std": [1, 1, float("inf")]}}},
        "normalisation.std.2: found inf, expected a finite number",
    ),
    "line break in the id": ({"my_vit\n": MODELS["demo_mae"]}, "found 'my_vit\\n', expected a-z, 0-9 and _ alone"),
}


@pytest.mark.parametrize("wrong", WRONG_MODELS)
def test_models_that_cannot_work_are_refused(tmp_path, wrong):
    models, expected = WRONG_MODELS[wrong]
    lines = problems(tmp_path, models=models)
    assert any(expected in line and line.startswith("models.yaml") for line in lines), lines


WRONG_DATASETS = {
    "brace": (OWN | {"path": "a{b}"}, "datasets.mine.path: 'a{b}' has a brace"),
    "unknown placeholder": (OWN | {"path": "{resource}/x"}, "datasets.mine.path: '{resource}/x' has a brace"),
    "line break": (OWN | {"path": "a\nb"}, "datasets.mine.path: 'a\\nb' has a character that cannot be printed"),
    "archives elsewhere": (
        OWN | {"path": "elsewhere/mine", "source": {"type": "archives", "files": [ARCHIVE]}},
        "datasets.mine.path: 'elsewhere/mine' must be {resources}/datasets/ and one name: it is fetched",
    ),
    "archives too deep": (
        OWN | {"path": "{resources}/datasets/x/y", "source": {"type": "archives", "files": [ARCHIVE]}},
        "must be {resources}/datasets/ and one name",
    ),
}


@pytest.mark.parametrize("wrong", WRONG_DATASETS)
def test_datasets_that_cannot_work_are_refused(tmp_path, wrong):
    entry, expected = WRONG_DATASETS[wrong]
    lines = problems(tmp_path, datasets={"mine": entry})
    assert any(expected in line and line.startswith("datasets.yaml:") for line in lines), lines


def test_a_dataset_that_is_not_there_is_named_by_its_registry(tmp_path):
    (line,) = problems(tmp_path, datasets={"mine": OWN}, only_dataset="mine")
    assert line == "datasets.yaml:6: datasets.mine.path: photos does not exist; put the images there or correct the path"


def test_an_unknown_name_names_all_registries(tmp_path):
    (line,) = problems(tmp_path, datasets={"mine": OWN}, only_dataset="min")
    assert "only_dataset: 'min' is not in config/datasets.yaml, datasets.yaml (known: " in line
    assert "did you mean 'mine'?" in line


FOLDERS = {
    "the root": ({"results": "/"}, "results: '/' holds the project itself; choose a folder of its own"),
    "the project": ({"resources": "."}, "resources: '.' holds the project itself"),
    "around it": ({"results": ".."}, "holds the project itself"),
    "code": ({"results": "workflow_scripts/x"}, "lies in workflow_scripts/, which is the project's own"),
    "git": ({"resources": "./.git/x"}, "lies in .git/, which is the project's own"),
    "the same": ({"results": "data", "resources": "./data/"}, "resources: 'data' is also results; give each its own folder"),
    "blank": ({"incoming": " "}, "incoming: ' ' is empty; name a path"),
    "long": ({"results": "n" * 300}, "is too long (allowed: 200 bytes a name, 3000 in all)"),
}


@pytest.mark.parametrize("wrong", FOLDERS)
def test_folders_that_a_run_must_not_fill(wrong):
    changes, expected = FOLDERS[wrong]
    with pytest.raises(AtlasError) as caught:
        load_settings(copy.deepcopy(DEFAULT) | changes, ["config/config.yaml"])
    (line,) = str(caught.value).splitlines()
    assert expected in line


def test_folders_have_one_spelling(monkeypatch):
    config = copy.deepcopy(DEFAULT) | {"results": "./r//s/", "resources": "~/atlas", "incoming": "-in"}
    made = load_settings(config, ["config/config.yaml"])
    assert (made.config["results"], config["results"]) == ("r/s", "r/s")
    assert made.config["resources"] == str(Path.home() / "atlas")
    assert made.config["incoming"] == str(ROOT / "-in")


def test_the_schema_knows_the_demo_s_methods():
    schema = read_yaml(SCHEMAS / "models.schema.yaml")
    (methods,) = [
        rule["then"]["properties"]["method"]["enum"]
        for rule in schema["$defs"]["source"]["allOf"]
        if "properties" in rule["then"]
    ]
    assert set(methods) == set(NORMALISATION)


def test_options_that_a_reader_does_not_take_are_refused_at_once(tmp_path):
    lines = problems(tmp_path, datasets={"mine": OWN | {"options": {"sort": True}}})
    assert lines == ["datasets.yaml:6: datasets.mine.options: reader 'image_folder' has no option 'sort' (options: none)"]
    lines = problems(tmp_path, datasets={"mine": OWN | {"reader": "imagenet", "options": {"per_class": -1}}})
    assert len(lines) == 1
    assert "datasets.mine.options: reader 'imagenet': option per_class: " in lines[0]
