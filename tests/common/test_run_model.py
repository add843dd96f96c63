"""The description of a run's models: written of registry entries, read whole or in part, refused by name."""

import json

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel, read_models, spell, write_models


def entry(name, **more):
    return {
        "display_name": name,
        "supervision": "contrastive",
        "method": "DINO",
        "architecture": "ViT-B/16",
        "layers": 12,
        "heads": 6,
        "dim": 384,
        "patch": 16,
        "prefix_tokens": 1,
        "image_size": [224, 448],
        "adapter": "timm_vit",
        "checkpoint": {"source": {"type": "path", "path": "somewhere"}},
        "licence": "mine",
    } | more


@pytest.fixture
def path(tmp_path):
    entries = {
        "mine": entry("Mine", unverified=["Its heads."], studies=["thesis"]),
        "demo_dino": entry("Demo", checkpoint={"source": {"type": "demo"}}, architecture="A ViT", patch=[8, 16]),
        "noise": entry("Noise", adapter="random", supervision="none"),
    }
    write_models(tmp_path / "models.json", entries)
    return tmp_path / "models.json"


def test_models_are_described_by_what_the_registry_says(path):
    mine, demo, noise = read_models(path)
    assert mine == RunModel(
        id="mine", display_name="Mine", supervision="contrastive", method="DINO", architecture="ViT-B/16", layers=12, heads=6,
        width=384, patch=(16, 16), grid=(14, 28), prefix_tokens=1, random=False, demo=False, source="path", licence="mine",
        unverified=("Its heads.",),
    )  # fmt: skip
    assert (mine.size, demo.size) == ("B", "")
    assert (demo.demo, demo.patch, demo.grid) == (True, (8, 16), (28, 28))
    assert [model.random for model in (mine, demo, noise)] == [False, False, True]
    assert [spell(model.patch) for model in (mine, demo)] == ["16", "8x16"]
    hash(mine)  # what was a list in the file is a tuple


def test_models_are_read_in_the_order_asked_for(path):
    assert [model.id for model in read_models(path)] == ["mine", "demo_dino", "noise"]
    assert [model.id for model in read_models(path, ["noise", "mine"])] == ["noise", "mine"]


def test_a_model_that_the_run_has_not_is_named(path):
    with pytest.raises(AtlasError, match=r"models\.json: no model 'demo_dine' in this run; did you mean 'demo_dino'\?; name"):
        read_models(path, ["mine", "demo_dine"])


@pytest.mark.parametrize("content", ["{", "[1]", '{"mine": 1}', "[{}]", '[{"id": "mine"}]', "3"])
def test_another_file_is_refused(content, tmp_path):
    path = tmp_path / "models.json"
    path.write_text(content)
    with pytest.raises(AtlasError, match=r"models\.json: not the description of a run's models .*; delete it and run again"):
        read_models(path)


def test_facts_of_a_later_version_are_left_alone(path):
    path.write_text(json.dumps([item | {"colour": "blue"} for item in json.loads(path.read_text())]))
    assert read_models(path)[0].display_name == "Mine"
