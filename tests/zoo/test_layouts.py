"""The demo zoo's layouts: official files of random networks, read by the real loader, compared with timm's own readers."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from timm.models.vision_transformer import _load_weights, checkpoint_filter_fn
from torch import Tensor, nn

from tests.zoo import zoo_families
from tests.zoo.official_files import FULL, OFFICIAL, Official, network, openai_names, prefixed, with_noise
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.load import load_vit
from workflow_scripts.zoo.registry import ModelEntry, read_models

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")


def source(entry: ModelEntry) -> nn.Module:
    return zoo_families.randomise(build_model(entry), seed=3)


def write_dino_training(model: nn.Module, path: Path) -> None:
    """A DINO training file: teacher and student with their heads, and the command line as a Namespace."""
    heads = with_noise("module.head.mlp.0.weight", "module.head.last_layer.weight_g")
    student = {name: torch.zeros_like(value) for name, value in prefixed(network(model), "module.backbone.").items()}
    teacher = {**prefixed(network(model), "backbone."), **with_noise("head.mlp.0.weight", "head.last_layer.weight_v")}
    torch.save(
        {
            "student": {**student, **heads},
            "teacher": teacher,
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
            "epoch": 3,
            "args": argparse.Namespace(arch="vit_tiny", lr=0.1),
            "dino_loss": {"center": torch.zeros(1, 4)},
        },
        path,
    )


def written(official: Official) -> Callable[[nn.Module, Path], None]:
    return lambda model, path: official.write(official.names(model), path)


WRITERS: dict[str, Callable[[nn.Module, Path], None]] = {
    "demo_fs": written(OFFICIAL["augreg_npz"]),
    "demo_clip": written(Official(openai_names)),
    "demo_dino": write_dino_training,
    "demo_mocov3": written(OFFICIAL["mocov3"]),
    "demo_mae": written(FULL["mae"]),
    "demo_beit": written(OFFICIAL["beit"]),
    "demo_untrained": written(OFFICIAL["timm"]),
}


def final_tokens(vit, batch: Tensor) -> Tensor:
    return [layer.token_normed for layer in vit.layers(batch)][-1]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_the_official_layout_gives_the_network_it_was_written_from(name: str, tmp_path: Path) -> None:
    entry = MODELS[name]
    model = source(entry)
    path = tmp_path / entry.checkpoint.file
    WRITERS[name](model, path)
    batch = zoo_families.images(entry, n=2)
    with torch.inference_mode():
        expected = model.forward_features(batch)
    assert torch.equal(final_tokens(load_vit(entry, path), batch), expected)


def test_augreg_npz_equals_timms_own_reader(tmp_path: Path) -> None:
    entry = MODELS["demo_fs"]
    path = tmp_path / "weights.npz"
    WRITERS["demo_fs"](source(entry), path)
    model = build_model(entry)
    _load_weights(model, str(path))
    batch = zoo_families.images(entry)
    with torch.inference_mode():
        assert torch.equal(final_tokens(load_vit(entry, path), batch), model.forward_features(batch))


def test_augreg_npz_of_other_head_count_is_refused(tmp_path: Path) -> None:
    entry = MODELS["demo_fs"]
    arguments = {**entry.build.arguments, "num_heads": 8}
    eight = dataclasses.replace(entry, heads=8, build=dataclasses.replace(entry.build, arguments=arguments))
    WRITERS["demo_fs"](source(eight), tmp_path / "weights.npz")
    with pytest.raises(AtlasError, match="4 heads"):
        load_vit(entry, tmp_path / "weights.npz")


def test_openai_clip_equals_timms_own_filter(tmp_path: Path) -> None:
    entry = MODELS["demo_clip"]
    state = openai_names(source(entry))
    torch.save(state, tmp_path / "clip.pt")
    model = build_model(entry)
    converted = checkpoint_filter_fn(state, model)
    model.load_state_dict({key: value for key, value in converted.items() if not key.startswith("head.")})
    batch = zoo_families.images(entry)
    with torch.inference_mode():
        assert torch.equal(final_tokens(load_vit(entry, tmp_path / "clip.pt"), batch), model.forward_features(batch))


def test_beit_equals_timms_own_filter(tmp_path: Path) -> None:
    entry = MODELS["demo_beit"]
    WRITERS["demo_beit"](source(entry), tmp_path / "beit.pth")
    content = torch.load(tmp_path / "beit.pth", weights_only=True)
    model = build_model(entry)
    assert set(model.load_state_dict(timm.models.beit.checkpoint_filter_fn(content, model), strict=False)[0]) == set()
    batch = zoo_families.images(entry)
    with torch.inference_mode():
        assert torch.equal(final_tokens(load_vit(entry, tmp_path / "beit.pth"), batch), model.forward_features(batch))


def test_dino_backbone_file_is_plain(tmp_path: Path) -> None:
    entry = MODELS["demo_dino"]
    model = source(entry)
    torch.save(model.state_dict(), tmp_path / "dino.pth")
    batch = zoo_families.images(entry)
    with torch.inference_mode():
        assert torch.equal(final_tokens(load_vit(entry, tmp_path / "dino.pth"), batch), model.forward_features(batch))


def test_half_precision_files_load_into_float32(tmp_path: Path) -> None:
    entry = MODELS["demo_clip"]
    state = {name: value.half() if value.is_floating_point() else value for name, value in openai_names(source(entry)).items()}
    torch.save(state, tmp_path / "clip.pt")
    assert load_vit(entry, tmp_path / "clip.pt").dtype == torch.float32
