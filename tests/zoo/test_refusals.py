"""What must stop: faulty and unsafe checkpoints, entries that contradict their network, uncovered architectures."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.zoo import zoo_families
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.coverage import check_against_library
from workflow_scripts.zoo.load import adapt, load_vit
from workflow_scripts.zoo.registry import ModelEntry, read_models

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")
ENTRY = MODELS["demo_untrained"]


def state_of(entry: ModelEntry = ENTRY) -> dict[str, torch.Tensor]:
    return zoo_families.randomise(build_model(entry)).state_dict()


def saved(content: Any, tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    torch.save(content, path)
    return path


def with_build(entry: ModelEntry, name: str | None = None, **arguments: Any) -> ModelEntry:
    build = dataclasses.replace(entry.build, name=name or entry.build.name, arguments={**entry.build.arguments, **arguments})
    return dataclasses.replace(entry, build=build)


def refusal(entry: ModelEntry, path: Path) -> str:
    with pytest.raises(AtlasError) as caught:
        load_vit(entry, path)
    text = str(caught.value)
    assert "\n" not in text
    assert entry.id in text
    return text


def test_missing_key(tmp_path: Path) -> None:
    state = state_of()
    del state["blocks.3.attn.qkv.bias"]
    text = refusal(ENTRY, saved(state, tmp_path))
    assert "missing 'blocks.3.attn.qkv.bias'" in text and "weights.pth" in text and "unexpected" not in text


def test_extra_key(tmp_path: Path) -> None:
    text = refusal(ENTRY, saved({**state_of(), "surprise": torch.zeros(1)}, tmp_path))
    assert "unexpected 'surprise'" in text and "missing" not in text


def test_declared_extra_key_is_dropped_and_only_that(tmp_path: Path) -> None:
    drop = dataclasses.replace(ENTRY.checkpoint, drop=("head.*",))
    entry = dataclasses.replace(ENTRY, checkpoint=drop)
    head = {"head.weight": torch.zeros(2), "head.bias": torch.zeros(2)}
    load_vit(entry, saved({**state_of(), **head}, tmp_path))
    assert "'other'" in refusal(entry, saved({**state_of(), **head, "other": torch.zeros(1)}, tmp_path))


def test_many_keys_are_counted_not_listed(tmp_path: Path) -> None:
    text = refusal(ENTRY, saved({f"other.{name}": value for name, value in state_of().items()}, tmp_path))
    assert "more" in text and len(text) < 800


def test_wrong_shape(tmp_path: Path) -> None:
    state = state_of()
    state["norm.weight"] = torch.zeros(32)
    text = refusal(ENTRY, saved(state, tmp_path))
    assert "'norm.weight'" in text and "(32,)" in text and "(64,)" in text


def test_entry_with_another_number_of_heads_than_the_network() -> None:
    mocov3 = MODELS["mocov3_s16"]
    six_heads = dataclasses.replace(mocov3, build=dataclasses.replace(mocov3.build, arguments={}))
    assert "heads 12" in refusal(six_heads, Path("never read.pth"))


@pytest.mark.parametrize(
    ("key", "value"), [("layers", 5), ("dim", 32), ("patch", 16), ("prefix_tokens", 2), ("image_size", 64)]
)
def test_entry_that_contradicts_its_network(key: str, value: int) -> None:
    assert key in refusal(dataclasses.replace(ENTRY, **{key: value}), Path("never read.pth"))


class _Payload:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("protocol", ["zip", "legacy", "pickle 2", "pickle 4"])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(protocol: str, tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "weights.pth"
    is_plain = protocol.startswith("pickle")
    if is_plain:
        path.write_bytes(pickle.dumps({"args": _Payload(marker)}, protocol=int(protocol[-1])))
    else:
        content = {"state_dict": state_of(), "args": _Payload(marker)}
        torch.save(content, path, _use_new_zipfile_serialization=protocol == "zip")
    text = refusal(ENTRY, path)
    assert not marker.exists()
    assert "refused" in text and "weights.pth" in text
    assert "a bare pickle" in text if is_plain else "'posix.mkdir'" in text
    # The file is live: the ordinary unpickler runs it.
    pickle.loads(path.read_bytes()) if is_plain else torch.load(path, weights_only=False)
    assert marker.exists()


def test_an_npz_with_a_pickle_is_refused(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "weights.npz"
    np.savez(path, cls=np.array([_Payload(marker)], dtype=object))
    text = refusal(MODELS["demo_fs"], path)
    assert not marker.exists() and "pickle" in text


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
def test_a_truncated_file_is_one_line(suffix: str, kept: float, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / f"weights{suffix}"
    state = state_of()
    writers = {
        ".pth": lambda: torch.save(state, path),
        ".safetensors": lambda: save_file(state, path),
        ".npz": lambda: np.savez(path, **{name: value.numpy() for name, value in state.items()}),
    }
    writers[suffix]()
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert "cut short" in refusal(ENTRY if suffix != ".npz" else MODELS["demo_fs"], path)


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\x80", b"PK\x03\x04 no zip"])
def test_a_file_that_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights.pth").write_bytes(content)
    assert "weights.pth" in refusal(ENTRY, tmp_path / "weights.pth")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], {"state_dict": {"a": "b"}}])
def test_a_pytorch_file_without_weights(content: Any, tmp_path: Path) -> None:
    path = saved(content, tmp_path)
    assert path.name in refusal(ENTRY, path)


def test_no_file(tmp_path: Path) -> None:
    assert "no such" in refusal(ENTRY, tmp_path / "absent.pth")


def test_unknown_names_suggest_the_nearest(tmp_path: Path) -> None:
    path = saved(state_of(), tmp_path)
    layout = dataclasses.replace(ENTRY.checkpoint, layout="tim")
    assert "did you mean 'timm'" in refusal(dataclasses.replace(ENTRY, checkpoint=layout), path)
    assert "did you mean 'timm_vit'" in refusal(dataclasses.replace(ENTRY, adapter="timm_vitt"), path)
    assert "cannot build" in refusal(with_build(ENTRY, "vit_no_such_model"), path)
    assert "from a hub" in refusal(with_build(ENTRY, "hf-hub:someone/model"), path)


def test_positions_of_another_grid_need_a_rule(tmp_path: Path) -> None:
    path = saved(state_of(), tmp_path)
    without = dataclasses.replace(ENTRY, checkpoint=dataclasses.replace(ENTRY.checkpoint, position_resize=None))
    wide = dataclasses.replace(without, image_size=(20, 60))
    assert "position_resize" in refusal(wide, path)
    ambiguous = dataclasses.replace(without, image_size=(30, 120))
    assert "position_resize" in refusal(ambiguous, path)
    results = {}
    for rule in ("antialiased", "offset"):
        entry = dataclasses.replace(wide, checkpoint=dataclasses.replace(ENTRY.checkpoint, position_resize=rule))
        vit = load_vit(entry, path)
        assert vit.grid == (4, 12)
        results[rule] = [layer.token for layer in vit.layers(zoo_families.images(entry))][-1]
    assert not torch.allclose(results["antialiased"], results["offset"], atol=1e-3)


# Real timm names of architectures that an adapter must not take.
UNCOVERED = {
    "vit_base_patch16_224 with qk norm": ("timm_vit", "vit_small_patch16_224", {"qk_norm": True}, "q_norm"),
    "parallel blocks": ("timm_vit", "vit_small_patch16_18x2_224", {"depth": 2}, "block is a ParallelThingsBlock"),
    "norm inside attention": ("timm_vit", "vit_small_patch16_224", {"scale_attn_norm": True}, "attention has a norm"),
    "post norm": ("timm_vit", "vit_relpos_small_patch16_224", {}, "model is a VisionTransformerRelPos"),
    "norm after pooling": ("timm_vit", "vit_small_patch16_224", {"global_pool": "avg"}, "global_pool: token"),
    "beit default": ("timm_beit", "beit_base_patch16_224", {}, "global_pool: token"),
    "separate projections": ("timm_eva", "eva02_base_patch14_224", {"global_pool": "token"}, "separate projections"),
    "norm inside eva attention": (
        "timm_eva",
        "vit_small_patch16_dinov3",
        {"global_pool": "token", "scale_attn_inner": True},
        "attention has a norm",
    ),
    "wrong adapter": ("timm_eva", "vit_small_patch16_224", {}, "model is a VisionTransformer"),
}


@pytest.mark.parametrize("case", UNCOVERED)
def test_an_uncovered_architecture_is_refused(case: str) -> None:
    adapter, name, arguments, reason = UNCOVERED[case]
    entry = dataclasses.replace(ENTRY, adapter=adapter, image_size=224)
    entry = dataclasses.replace(entry, build=dataclasses.replace(entry.build, name=name, arguments=arguments))
    model = build_model(entry)
    with pytest.raises(AtlasError) as caught:
        adapt(model, entry)
    assert reason in str(caught.value) and ENTRY.id in str(caught.value)


def test_open_clip_tower_of_another_class_is_refused() -> None:
    entry = MODELS["openclip_b16"]
    entry = dataclasses.replace(entry, build=dataclasses.replace(entry.build, name="RN50"))
    with pytest.raises(AtlasError, match="ModifiedResNet"):
        adapt(build_model(entry), entry)


def test_self_check_refuses_what_the_adapter_misses() -> None:
    """A block that looks like the covered one but computes something else: only the numbers tell."""
    model = zoo_families.randomise(build_model(ENTRY))
    vit = adapt(model, ENTRY)
    check_against_library(vit, "demo", "timm_vit")
    model.blocks[2].attn.register_forward_hook(lambda _m, _i, output: output * 1.01)
    with pytest.raises(AtlasError, match=r"'demo'.*'timm_vit' differs.*not covered"):
        check_against_library(vit, "demo", "timm_vit")


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    vit = load_vit(ENTRY, saved(state_of(), tmp_path))
    with pytest.raises(AtlasError, match=r"\[B, 3, 60, 60\], found \[1, 3, 30, 60\]"):
        next(iter(vit.layers(torch.zeros(1, 3, 30, 60))))
