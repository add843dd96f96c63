"""The shipped zoo is whole, is what its index says, and comes from the recipes that the code has."""

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import torch

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.demo.objectives.methods import METHODS
from workflow_scripts.demo.shipped import FOLDER, read_index, shipped_sources
from workflow_scripts.demo.trace import first_losses
from workflow_scripts.zoo.load import load_vit
from workflow_scripts.zoo.registry import read_models

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = {
    name: entry for name, entry in read_models(ROOT / "config/models.yaml").items() if entry.checkpoint.source["type"] == "demo"
}
INDEX = json.loads((ROOT / FOLDER / "zoo.json").read_text())["models"]
BY_METHOD = {record["method"]: record for record in INDEX.values()}


def test_every_demo_model_is_shipped_and_every_method_has_one():
    assert {entry.checkpoint.file for entry in ENTRIES.values()} == set(INDEX)
    assert set(BY_METHOD) == set(METHODS)
    for entry in ENTRIES.values():
        assert INDEX[entry.checkpoint.file]["method"] == entry.checkpoint.source["method"]
    assert {path.name for path in (ROOT / FOLDER).iterdir()} == {*INDEX, "zoo.json"}


def test_the_files_are_those_of_the_index_and_small():
    for name, record in INDEX.items():
        content = (ROOT / FOLDER / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (record["bytes"], record["sha256"]), name
    assert sum(record["bytes"] for record in INDEX.values()) <= 12_000_000


def test_each_was_trained_whole_and_its_record_says_how():
    for record in INDEX.values():
        assert record["effort"] == 1.0
        assert record["steps"] == METHODS[record["method"]].recipe.steps
        assert {"torch", "timm", "lightly", "python"} == set(record["versions"])
        assert record["data"].keys() == {"seed", "zoo_images", "tuning_images"}
        assert record["command"].startswith("snakemake ")
        if record["steps"]:
            assert record["curve"][0][0] == 0 and record["curve"][-1][0] == record["steps"]
            assert all(0 <= accuracy <= 1 for _, accuracy in record["curve"])


@pytest.mark.parametrize("method", METHODS)
def test_the_recipe_is_the_one_that_it_came_from(method):
    """A change of recipe, objective, augmentation or painted world shows in the first losses; then train and ship anew."""
    assert BY_METHOD[method]["recipe"] == dataclasses.asdict(METHODS[method].recipe)
    torch.set_num_threads(1)
    assert first_losses(method) == pytest.approx(BY_METHOD[method]["first_losses"], rel=2e-3)


@pytest.mark.parametrize("name", ENTRIES)
def test_it_loads_strictly_and_tells_images_apart(name):
    entry = ENTRIES[name]
    vit = load_vit(entry, ROOT / FOLDER / entry.checkpoint.file)
    *_, last = vit.layers(torch.randn(2, 3, 60, 60, generator=torch.Generator().manual_seed(0)))
    assert last.index == 8 and last.grid == (12, 12)
    assert torch.isfinite(last.token).all()
    assert not torch.allclose(last.token[0], last.token[1], atol=1e-3)


def test_sources_carry_size_and_sha256_of_the_index():
    source = shipped_sources(["demo_fs.npz"], ROOT / FOLDER)["demo_fs.npz"]
    assert (source["bytes"], source["sha256"]) == (INDEX["demo_fs.npz"]["bytes"], INDEX["demo_fs.npz"]["sha256"])
    assert shipped_sources([]) == {}


def test_all_that_is_not_there_is_named_at_once(tmp_path):
    (tmp_path / "zoo.json").write_text(json.dumps({"models": {"demo_fs.npz": INDEX["demo_fs.npz"]}}))
    with pytest.raises(AtlasError) as caught:
        shipped_sources(["mine.pth", "demo_fs.npz"], tmp_path)
    unknown, missing = str(caught.value).splitlines()
    assert "zoo.json: no 'mine.pth'; it has demo_fs.npz." in unknown and "zoo: train" in unknown
    assert "demo_fs.npz: not there; get it again" in missing and "git checkout" in missing


@pytest.mark.parametrize("content", [None, "{", "[]", '{"networks": {}}'])
def test_an_index_that_is_none_gives_one_line(tmp_path, content):
    path = tmp_path / "zoo.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(AtlasError, match=r"zoo\.json: cannot be read as the index of the shipped zoo .*zoo: train"):
        read_index(path)
