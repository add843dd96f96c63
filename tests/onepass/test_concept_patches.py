"""Facets of CLS and of chosen patches are those of the model; memory maps are the arrays of the file."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.collector import PassFacts
from workflow_scripts.onepass.collectors import make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.states import array_names, mapped_rows, write_states
from workflow_scripts.onepass.stores import store_bytes, stored_layers
from workflow_scripts.run_pass import require_room

FACETS = ["query", "value", "attention_output", "attention_projected", "token", "token_normed"]
PATCHES = {"patches": 33, "patches_per_concept": 6, "whole_images": 1, "seed": 2}


def gathered(name, **more):
    asked = {"facets": FACETS, "layers": [2, -1], "precision": "float32", **more}
    (made,) = make_collectors({name: asked}, PassFacts(11, 0, 3))
    run_pass(FakeVit(), "fake", FakeSource(), [made], 4)
    return made


def expected(layer, facet):
    """Return [n, T, D] of a layer of the fake model."""
    names = {"attention_output": "mid", "attention_projected": "attn_out"}
    if facet == "token_normed":
        return layer.final_norm(layer.token)
    value = getattr(layer, names.get(facet, facet))
    return value if value.ndim == 3 else value.transpose(1, 2).flatten(2)


def rows_of(made, facet):
    return made.state()[facet].array()


def test_cls_of_every_facet_at_the_chosen_layers():
    made = gathered("cls_facets")
    layers = list(FakeVit().layers(FakeSource().images))
    for facet in FACETS:
        found = rows_of(made, facet)
        assert found.shape == (11, 2, 6)
        for place, index in enumerate((2, 3)):
            assert np.array_equal(found[:, place], expected(layers[index - 1], facet)[:, 0].numpy())


def test_patches_are_those_of_the_choice():
    made, source = gathered("concept_patches", **PATCHES), FakeSource()
    choice = source.concepts.chosen(3, 6, 1, 2)
    layers = list(FakeVit().layers(source.images))
    for facet in FACETS:
        found = rows_of(made, facet)
        assert len(found) == len(choice.image)
        for place, index in enumerate((2, 3)):
            values = expected(layers[index - 1], facet).numpy()
            assert np.array_equal(found[:, place], values[choice.image, choice.cell + 1])
            assert np.array_equal(rows_of(made, f"whole_{facet}")[:, place], values[choice.whole, 1:])
    assert 0 < len(choice.whole) < 11


def test_a_memory_map_is_the_array(tmp_path):
    made = gathered("concept_patches", **PATCHES)
    write_states(tmp_path / "pass.safetensors", {"view": {made.name: made.state()}}, {})
    assert set(FACETS) < set(array_names(tmp_path / "pass.safetensors", "view", made.name))
    for facet in FACETS:
        found = mapped_rows(tmp_path / "pass.safetensors", "view", made.name, facet)
        assert isinstance(found, np.memmap)
        assert np.array_equal(found, rows_of(made, facet))
    with pytest.raises(AtlasError, match=r"no 'view/concept_patches/key'"):
        mapped_rows(tmp_path / "pass.safetensors", "view", made.name, "key")


def test_the_bytes_of_a_plan_are_those_of_the_rows_at_most():
    for name, options in (("cls_facets", {}), ("concept_patches", PATCHES)):
        made = gathered(name, **options)
        asked = {"facets": FACETS, "layers": [2, -1], "precision": "float32", **options}
        kept = sum(made.state()[name].array().nbytes for name in made.rows)
        assert kept <= store_bytes(name, asked, 11, 12, 6, 3, 4)
        assert name != "cls_facets" or kept == store_bytes(name, asked, 11, 12, 6, 3, 4)
    assert store_bytes("cls_facets", asked, 11, 12, 6, 3) == 11 * 2 * 6 * 6 * 4
    few = {**asked, "patches": 11, "patches_per_concept": 2, "whole_images": 1}
    assert store_bytes("concept_patches", few, 11, 12, 6, 3, 3) == (11 + 3 * (2 + 12)) * 2 * 6 * 6 * 4
    pooled = {"facets": ["cls", "mean_patch"], "precision": "float16"}
    assert store_bytes("pooled_features", pooled, 11, 12, 6, 3) == 11 * 3 * 2 * 6 * 2
    assert store_bytes("pooled_normed", pooled, 11, 12, 6, 3) == 11 * 2 * 6 * 2
    assert store_bytes("residual_ratio", {}, 11, 12, 6, 3) == 0


def test_a_feature_too_large_for_the_store_is_named():
    source = FakeSource()
    vit = FakeVit()
    vit.layers = lambda images, attention=False: (_scaled(layer) for layer in FakeVit().layers(images, attention))
    asked = {"facets": ["token"], "layers": "all", "precision": "float16", **PATCHES}
    (made,) = make_collectors({"concept_patches": asked}, PassFacts(11, 0, 3))
    with pytest.raises(AtlasError, match="a feature of layer 1 is too large for float16; set feature_precision: float32"):
        run_pass(vit, "fake", source, [made], 4)


def _scaled(layer):
    object.__setattr__(layer, "token", layer.token * 1e6)
    return layer


def test_layers_that_a_model_lacks():
    with pytest.raises(AtlasError, match="layers: no layer 13 in a model of 12"):
        stored_layers([1, 13], 12)
    with pytest.raises(AtlasError, match="no layer -13"):
        stored_layers([-13], 12)
    assert torch.equal(torch.tensor(stored_layers([-12, -1], 12)), torch.tensor([1, 12]))


def test_features_that_do_not_fit_the_disk_are_said_before_the_pass(tmp_path, monkeypatch):
    vit = SimpleNamespace(grid=(3, 4), dim=6, n_layers=3)
    source = type("Source", (), {"__len__": lambda self: 11, "n_concepts": 4, "crops_per_image": 1})()
    asked = {"concept_patches@one": {"facets": FACETS, "layers": [2, -1], "precision": "float32", **PATCHES}}
    needed = 2 * store_bytes("concept_patches", asked["concept_patches@one"], 11, 12, 6, 3, 4)
    for free, enough in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        if enough:
            require_room(tmp_path, asked, vit, source)
            continue
        with pytest.raises(AtlasError, match=r"a pass that keeps features .* configuration key 'results' name"):
            require_room(tmp_path, asked, vit, source)
