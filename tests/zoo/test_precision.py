"""Half precision is that of products alone: what layers hand out is float32, attention sums to 1, and results are not mixed."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.zoo.zoo_families import FAMILIES, images, randomised
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.states import require_one_precision, write_states
from workflow_scripts.zoo.load import adapt, open_model
from workflow_scripts.zoo.precision import HALVES, require_precision
from workflow_scripts.zoo.registry import read_models
from workflow_scripts.zoo.vit import Layer

ROOT = Path(__file__).parents[2]
ENTRY, FILE = read_models(ROOT / "config/models.yaml")["demo_dino"], ROOT / "config/demo_zoo/demo_dino.pth"
# A block is enough to see every product of an architecture.
SHALLOW = [
    family
    for family in FAMILIES
    if family.name in ("dinov2reg_s14", "dinov3_s16", "beit_b16", "openclip_b32", "torchvision_b16")
]


def first_layer(family, precision):
    model = randomised(family)
    vit = adapt(model, family.entry())
    vit.blocks, vit.precision = vit.blocks[:1], precision
    (layer,) = vit.layers(images(family.entry()), attention=True)
    return layer


@pytest.mark.parametrize("family", SHALLOW, ids=lambda family: family.adapter + family.name)
def test_every_facet_is_float32_and_near_that_of_float32(family):
    exact = first_layer(family, "float32")
    for precision, tolerance in (("bf16", 2e-2), ("fp16", 3e-3)):
        half = first_layer(family, precision)
        assert (half.attention.sum(-1) - 1).abs().max() < 1e-5
        for field in dataclasses.fields(Layer):
            expected, found = getattr(exact, field.name), getattr(half, field.name)
            if isinstance(expected, torch.Tensor):
                assert found.dtype == torch.float32, field.name
                assert (found - expected).norm() <= tolerance * expected.norm(), (field.name, precision)
        assert not torch.equal(half.query, exact.query)  # products really were in half precision
        assert torch.equal(half.query, half.query.to(HALVES[precision]).float())


def test_a_loaded_model_multiplies_as_asked_and_what_was_not_read_is_not_widened():
    batch = torch.randn(2, 3, 60, 60, generator=torch.Generator().manual_seed(0))
    exact, half = (open_model(ENTRY, FILE, precision=name).at((60, 60)) for name in ("float32", "bf16"))
    assert (exact.precision, half.precision, half.dtype) == ("float32", "bf16", torch.float32)
    layer = next(half.layers(batch))
    assert {"query", "key", "value", "attn_out", "mlp_out"} <= layer._narrow.keys()
    assert layer.query is layer.query
    assert "query" not in layer._narrow
    # Autocast ends with the forward: what a collector computes of a facet is float32.
    assert not torch.is_autocast_enabled("cpu")
    assert (layer.token @ layer.token.mT).dtype == torch.float32
    assert list(half.layers(batch))[1].input.dtype == torch.float32
    with pytest.raises(AttributeError):
        _ = layer.colour


def test_a_device_that_cannot_is_one_line(monkeypatch):
    require_precision("float32", "meta")
    for precision in HALVES:
        require_precision(precision, "cpu")
    with pytest.raises(
        AtlasError, match=r"precision: bf16, but PyTorch cannot multiply in it on meta.*; set precision: float32"
    ):
        require_precision("bf16", "meta")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla V100")
    with pytest.raises(AtlasError, match="precision: bf16, but Tesla V100 has none; set precision: fp16 or float32"):
        open_model(ENTRY, FILE, "cuda:0", precision="bf16")


def test_passes_of_two_precisions_are_not_mixed(tmp_path):
    for name, precision in (("one", "float32"), ("other", "bf16")):
        facts = {"views": json.dumps({"v": {"precision": precision}})}
        write_states(tmp_path / name, {"v": {"c": {"x": np.zeros(1)}}}, facts)
    one, other = tmp_path / "one", tmp_path / "other"
    require_one_precision([one, one])
    require_one_precision([other], "bf16")
    with pytest.raises(AtlasError, match=r"other: made in precision bf16, but .*one is in float32; delete the file of"):
        require_one_precision([one, other])
    with pytest.raises(AtlasError, match=r"one: made in precision float32, but this run is in bf16; delete the file of"):
        require_one_precision([one], "bf16")
