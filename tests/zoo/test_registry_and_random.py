"""The registry file, and the random baseline."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from tests.zoo import zoo_families
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.layouts import LAYOUTS
from workflow_scripts.zoo.load import ADAPTERS, adapt, build_model, check_facts, load_vit
from workflow_scripts.zoo.positions import RELATIVE_RULES, RULES
from workflow_scripts.zoo.registry import entry_from_dict, read_models

PATH = Path(__file__).parents[2] / "config" / "models.yaml"
MODELS = read_models(PATH)
RANDOM = MODELS["random_baseline"]


@pytest.mark.parametrize("name", MODELS)
def test_every_entry_of_the_shipped_registry_agrees_with_its_network(name: str) -> None:
    entry = MODELS[name]
    assert entry.adapter in ADAPTERS
    assert entry.supervision in ("supervised", "language", "contrastive", "reconstruction", "none")
    if entry.adapter == "random":
        assert load_vit(entry, None).n_layers == entry.layers
        return
    assert entry.checkpoint.layout in LAYOUTS
    assert entry.checkpoint.position_resize in (None, *RULES, *RELATIVE_RULES)
    # Shapes without numbers: the giant costs nothing.
    with torch.device("meta"):
        model = build_model(entry)
        check_facts(adapt(model, entry), entry)
    if entry.parameters is not None:
        assert entry.parameters == pytest.approx(sum(p.numel() for p in model.parameters()) / 1e6, abs=0.051)


def test_reading_the_registry_imports_no_torch() -> None:
    code = (
        f"import sys; from workflow_scripts.zoo.registry import read_models; read_models({str(PATH)!r}); "
        "assert 'torch' not in sys.modules and 'timm' not in sys.modules"
    )
    made = subprocess.run([sys.executable, "-c", code], cwd=PATH.parents[1], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def demo_mapping() -> dict[str, Any]:
    return copy.deepcopy(yaml.safe_load(PATH.read_text())["models"]["demo_mae"])


@pytest.mark.parametrize("where", [(), ("build",), ("checkpoint",), ("normalisation",)])
def test_unknown_and_missing_keys_are_named(where: tuple[str, ...]) -> None:
    mapping = demo_mapping()
    part = mapping
    for key in where:
        part = part[key]
    first = next(key for key in part if key not in ("notes", "layout", "file", "drop", "name", "arguments"))
    part[f"{first}x"] = part[first]
    with pytest.raises(AtlasError, match=f"unknown key '{first}x'.*did you mean '{first}'"):
        entry_from_dict("m", mapping)
    del part[f"{first}x"], part[first]
    with pytest.raises(AtlasError, match=f"lacks {first}"):
        entry_from_dict("m", mapping)


def test_lists_become_tuples_and_sizes_pairs() -> None:
    entry = entry_from_dict("m", {**demo_mapping(), "image_size": [60, 120]})
    assert entry.id == "m" and entry.image_shape == (60, 120) and entry.patch_shape == (5, 5)
    assert entry.checkpoint.drop == ("decoder_*", "mask_token") and entry.normalisation.mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("content", ["", "models: [1]", "models: {a: 3}", "models: {a"])
def test_a_file_that_is_no_registry(content: str, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(content)
    with pytest.raises(AtlasError):
        read_models(tmp_path / "models.yaml")


def test_a_network_needs_a_checkpoint() -> None:
    with pytest.raises(AtlasError, match=r"demo_mae.*needs a checkpoint"):
        load_vit(MODELS["demo_mae"], None)


FACETS = ("input", "norm1", "norm2", "query", "key", "value", "attn_out", "mid", "mlp_out", "token")


def test_random_features_are_uniform_and_independent() -> None:
    vit = load_vit(RANDOM, None)
    values = []
    for layer in vit.layers(zoo_families.images(RANDOM, n=4), attention=True):
        assert layer.token.shape == (4, 145, 64) and layer.query.shape == (4, 4, 145, 16)
        assert layer.attention.shape == (4, 4, 145, 145)
        assert torch.allclose(layer.attention.sum(-1), torch.ones(()), atol=1e-6)
        assert (layer.attention >= 0).all()
        values.extend(getattr(layer, facet).flatten() for facet in FACETS[1:])
    assert torch.equal(layer.token_normed, layer.token)
    stacked = torch.stack(values)
    assert stacked.min() >= 0 and stacked.max() < 1
    # The mean of n uniform numbers has standard deviation (12 n) ** -0.5.
    spread = (12 * stacked.shape[1]) ** -0.5
    assert (stacked.mean(dim=1) - 0.5).abs().max() < 5 * spread
    correlation = torch.corrcoef(stacked) - torch.eye(len(stacked))
    assert correlation.abs().max() < 6 * stacked.shape[1] ** -0.5


def test_random_values_belong_to_the_image_and_to_nothing_else() -> None:
    vit = load_vit(RANDOM, None)
    batch = zoo_families.images(RANDOM, n=4)
    together = list(vit.layers(batch, attention=True))
    alone = list(vit.layers(batch[2:3]))
    for whole, single in zip(together, alone, strict=True):
        for facet in FACETS:
            assert torch.equal(getattr(whole, facet)[2:3], getattr(single, facet)), facet
    assert not torch.equal(together[0].token[0], together[0].token[1])
    assert torch.equal(together[1].input, together[0].token)


def test_random_attention_is_alive_for_one_layer_only(monkeypatch: pytest.MonkeyPatch) -> None:
    vit = load_vit(RANDOM, None)
    seen: list[weakref.ref] = []
    alive: list[int] = []
    draw = vit.draw
    monkeypatch.setattr(vit, "draw", lambda *given: alive.append(sum(r() is not None for r in seen)) or draw(*given))
    for layer in vit.layers(zoo_families.images(RANDOM), attention=True):
        seen.append(weakref.ref(layer.attention))
        del layer
    assert len(seen) == RANDOM.layers and set(alive) == {0}


def test_random_baseline_of_impossible_size_is_refused() -> None:
    for change in ({"image_size": 64}, {"dim": 63}):
        with pytest.raises(AtlasError, match="no multiple"):
            load_vit(dataclasses.replace(RANDOM, **change), None)
