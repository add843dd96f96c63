"""No code that a GPU runs mixes a tensor of the CPU with one of the card: every adapter, collector, fit and metric."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.gpu.pretended_card import CARD, OnCard, module_on_card, pretended_card
from tests.gpu.statistics import FITTED, LAYERS, ROOT, SIDE, analysed, collected, fitted, small_vit
from tests.zoo.zoo_families import BY_NAME, images, randomised
from workflow_scripts.common.arrays import write_arrays
from workflow_scripts.onepass.collectors import COLLECTORS
from workflow_scripts.onepass.padded_source import PaddedSource, padded_sizes
from workflow_scripts.onepass.source import CropSource
from workflow_scripts.studies.local.reconstruction import kept_patches, reconstructions
from workflow_scripts.zoo.load import ADAPTERS, adapt, build_model, open_model
from workflow_scripts.zoo.mae_decoder import load_decoder
from workflow_scripts.zoo.registry import read_models

ENTRIES = read_models(ROOT / "config/models.yaml")
# One of each adapter; with registers, RoPE, and relative positions.
FAMILIES = [
    BY_NAME[name] for name in ("dinov2reg_s14", "dinov3_s16_qkvb", "beit_b16_shared", "openclip_b32", "torchvision_b16")
]


def vit_on_card(name="demo_dino"):
    entry = ENTRIES[name]
    weights = open_model(entry, ROOT / "config/demo_zoo" / entry.checkpoint.file)
    weights.at((SIDE, SIDE))
    model = build_model(entry)
    weights._weights.put_into(model, entry)
    return adapt(module_on_card(model), entry)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.adapter)
def test_adapters(family):
    model = randomised(family)
    batch = images(family.entry())
    expected = next(iter(adapt(model, family.entry()).layers(batch, attention=True)))
    with pretended_card():
        vit = adapt(module_on_card(model), family.entry())
        vit.blocks = vit.blocks[:1]
        for attention in (True, False):
            (layer,) = vit.layers(batch, attention=attention)
            for value in vars(layer).values():
                assert not isinstance(value, torch.Tensor) or isinstance(value, OnCard)
            assert isinstance(layer.patch_embed(), OnCard)
            assert torch.allclose(layer.token.cpu(), expected.token, atol=1e-4)


def test_every_adapter_is_among_them():
    assert {family.adapter for family in FAMILIES} | {"random"} == set(ADAPTERS)


def test_collectors():
    """All in one pass; the random baseline, whose numbers are drawn on the CPU, in one of its own."""
    expected = collected(small_vit())
    with pretended_card():
        vit = vit_on_card()
        vit.blocks = vit.blocks[:LAYERS]
        found = collected(vit, ahead=False)  # the pretended card is one of this thread
        noise = open_model(ENTRIES["random_baseline"], None, CARD).at((SIDE, SIDE))
        assert all(isinstance(layer.query, OnCard) for layer in noise.layers(torch.rand(2, 3, SIDE, SIDE), attention=True))
        collected(noise, ["pooled_features", "average_attention", "gram_blocks", "propagated_labels"], ahead=False)
    assert found.keys() == COLLECTORS.keys()
    for name, arrays in expected.items():
        for key, value in arrays.items():
            rounding = 2e-3 if value.dtype == np.float16 else 1e-5
            assert np.allclose(found[name][key], value, rtol=rounding, atol=rounding, equal_nan=True), (name, key)


@pytest.mark.parametrize("name", FITTED)
def test_fits_that_are_gone_on_with(name):
    expected = fitted(small_vit(), name)
    with pretended_card():
        vit = vit_on_card()
        vit.blocks = vit.blocks[:LAYERS]
        found = fitted(vit, name)
    for key, value in expected.items():
        assert np.allclose(found[key], value, rtol=1e-4, atol=1e-5), key


def test_metrics_of_analyses_that_use_a_gpu():
    expected = analysed("cpu")
    with pretended_card():
        found = analysed("cuda:0")
    for key, value in expected.items():
        assert np.allclose(found[key], value, rtol=1e-4, atol=1e-5), key


def test_reconstruction():
    entry = ENTRIES["demo_mae"]
    file = ROOT / "config/demo_zoo" / entry.checkpoint.file
    pixels = np.random.default_rng(0).random((2, SIDE, SIDE, 3))
    kept = kept_patches(0, range(2), (SIDE // 5) ** 2, 75)
    variants = {"": np.array([], np.int64), "some": np.array([3, 5])}
    cpu = open_model(entry, file)
    expected = reconstructions(cpu.at((SIDE, SIDE)), load_decoder(cpu), pixels, kept, variants)
    with pretended_card():
        found = reconstructions(vit_on_card("demo_mae"), module_on_card(load_decoder(cpu)), pixels, kept, variants)
    for name, made in expected.items():
        assert np.allclose(found[name], made, atol=1e-4), name


def test_batches(tmp_path):
    """What a source reads is on the card: pixels and every kind of ground truth that collectors compare with features."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "c.npy", rng.integers(0, 255, (4, 8, 8, 3), dtype=np.uint8))
    columns = {"id": list("abcd"), "label": 0, "n_crops": 1, "first_crop": range(4), "height": 8, "width": 8}
    columns |= {"image_height": 6, "image_width": 8}
    pd.DataFrame(columns).to_parquet(tmp_path / "s.parquet")
    masks = {"object_mask": np.ones((4, 4), np.uint8), "has_object": np.ones(4, np.uint8), "object_image": np.arange(4)}
    masks |= {"object_cells": np.full(4, 4), "object_values": np.ones(16, np.float32)}
    masks |= {"part_image": np.arange(0), "part_cells": np.arange(0), "part_values": np.ones(0, np.float32)}
    labels = {"video": np.zeros(4, int), "frame": np.arange(4), "cells": np.full((1, 2), 2), "channels": np.array([2])}
    truth = {
        "masks": masks,
        "labels": labels | {"labels": np.array([0, 1, 1, 0])},
        "boxes": {"box_image": np.arange(4), "box_xyxy": np.ones((4, 4), np.float32)},
        "classes": {"classes": np.zeros((4, 8, 8), np.uint8)},
    }
    for kind, arrays in truth.items():
        write_arrays(tmp_path / kind, arrays, {"names": json.dumps(["sky"])})
    normalisation = SimpleNamespace(mean=(0.5,) * 3, std=(0.25,) * 3)
    vit = SimpleNamespace(device=CARD, image_size=(8, 8), normalisation=normalisation, grid=(2, 2))
    with pretended_card():
        source = CropSource(vit, tmp_path / "c.npy", tmp_path / "s.parquet", {kind: tmp_path / kind for kind in truth})
        batch = source.read(0, 2)
        made = [batch.image, batch.object_mask, batch.boxes.xyxy, batch.classes.pixels, *batch.regions["object"].mask]
        made += [*batch.frames.first_labels.values(), source.at(np.array([3, 1])).image]
        geometry = SimpleNamespace(resized=lambda size: size)
        made += [PaddedSource(source, geometry, size).read(0, 1).image for size in padded_sizes(source)]
        assert len(made) == 9
        assert all(isinstance(tensor, OnCard) for tensor in made)
