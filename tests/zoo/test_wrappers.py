"""What training tools put around names, and what no name shows: activation and norm epsilon."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.zoo import zoo_families
from tests.zoo.official_files import openai_names
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.layouts import LAYOUTS
from workflow_scripts.zoo.load import adapt, load_vit
from workflow_scripts.zoo.registry import ModelEntry, read_models
from workflow_scripts.zoo.unseen import unseen_of

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")
ENTRY = MODELS["demo_untrained"]
STATE = zoo_families.randomise(build_model(ENTRY), seed=3).state_dict()
Named = dict[str, Tensor]


def before(prefix: str, state: Named = STATE) -> Named:
    return {f"{prefix}{name}": value for name, value in state.items()}


def compiled_blocks(state: Named) -> Named:
    return {name.replace("blocks.2.", "blocks.2._orig_mod."): value for name, value in state.items()}


def loaded(content: Any, tmp_path: Path, entry: ModelEntry = ENTRY) -> Tensor:
    torch.save(content, tmp_path / "weights.pth")
    vit = load_vit(entry, tmp_path / "weights.pth")
    return [layer.token_normed for layer in vit.layers(zoo_families.images(entry))][-1]


def refusal(content: Any, tmp_path: Path, entry: ModelEntry = ENTRY) -> str:
    with pytest.raises(AtlasError) as caught:
        loaded(content, tmp_path, entry)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 900
    return text


def with_drop(*drop: str) -> ModelEntry:
    return dataclasses.replace(ENTRY, checkpoint=dataclasses.replace(ENTRY.checkpoint, drop=drop))


HEAD = {"head.weight": torch.zeros(3, 64)}
STUDENT = before("student.backbone.", {name: torch.zeros_like(value) for name, value in STATE.items()})
WRAPPED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "torch.compile": (before("_orig_mod."), ()),
    "a compiled block": (compiled_blocks(STATE), ()),
    "DDP": (before("module."), ()),
    "DDP of torch.compile": (before("module._orig_mod."), ()),
    "torch.compile of DDP": (before("_orig_mod.module."), ()),
    "FSDP": (before("_fsdp_wrapped_module."), ()),
    "Lightning": ({"state_dict": before("model."), "epoch": 3, "callbacks": {"x": 1}}, ()),
    "a record in a record": ({"model": {"state_dict": before("module.")}}, ()),
    "another record's name": ({"model_state_dict": STATE, "optimizer": {"state": {0: {"exp_avg": torch.zeros(2)}}}}, ()),
    "a head to drop": (before("module.", {**STATE, **HEAD}), ("head.*",)),
    "a head outside to drop": ({**before("module."), **HEAD}, ("head.*",)),
    "a student to drop": ({**before("teacher.backbone."), **STUDENT}, ("student.*",)),
}


@pytest.mark.parametrize("case", WRAPPED)
def test_known_wrappers_are_taken_off(case: str, tmp_path: Path) -> None:
    content, drop = WRAPPED[case]
    assert torch.equal(loaded(content, tmp_path, with_drop(*drop)), loaded(STATE, tmp_path))


def test_a_prefix_that_is_no_known_wrapper_is_named(tmp_path: Path) -> None:
    text = refusal(before("mine."), tmp_path)
    assert text.endswith("without the prefix 'mine.' they fit: save them anew under names without it")
    text = refusal({**before("teacher.backbone."), **STUDENT}, tmp_path)
    assert "without the prefix 'teacher.backbone.' and without the others ('student.backbone." in text


def test_what_does_not_fit_is_said_without_the_wrapper(tmp_path: Path) -> None:
    state = {name: value for name, value in STATE.items() if name != "norm.bias"}
    text = refusal(before("module._orig_mod.", {**state, **HEAD}), tmp_path)
    assert "missing 'norm.bias' and unexpected 'head.weight'; check checkpoint.layout" in text


def test_two_records_of_tensors_are_not_chosen_between(tmp_path: Path) -> None:
    entry = dataclasses.replace(ENTRY, checkpoint=dataclasses.replace(ENTRY.checkpoint, layout="dinov2"))
    text = refusal({"model": STATE, "teacher": STATE}, tmp_path, entry)
    assert "holds tensors under 'model' and 'teacher', and this layout does not say which" in text


def test_two_names_for_one_tensor_are_not_chosen_between(tmp_path: Path) -> None:
    content = {**STATE, "_orig_mod.norm.bias": torch.zeros(64)}
    assert "'_orig_mod.norm.bias' and another key both stand for 'norm.bias'" in refusal(content, tmp_path)


CLIP = MODELS["demo_clip"]
OWN = {name: torch.tensor(64) for name in ("input_resolution", "context_length", "vocab_size")}


def build(entry: ModelEntry, **changes: Any) -> ModelEntry:
    return dataclasses.replace(entry, build=dataclasses.replace(entry.build, **changes))


def openai(entry: ModelEntry, own: bool) -> Named:
    state = openai_names(zoo_families.randomise(build_model(entry), seed=3))
    state = {name: value for name, value in state.items() if name not in OWN}
    return {**state, **OWN} if own else state


def test_openai_s_own_weights_are_refused_by_a_network_with_gelu(tmp_path: Path) -> None:
    gelu = build(CLIP, name="vit_base_patch16_clip_224")
    text = refusal(openai(gelu, own=True), tmp_path, gelu)
    assert "has GELU, where these weights are of a network with QuickGELU; no key of the file shows it" in text
    loaded(openai(CLIP, own=True), tmp_path, CLIP)


@pytest.mark.parametrize(("name", "said"), [("", "QuickGELU"), ("vit_base_patch16_clip_224", "GELU")])
def test_what_a_file_leaves_open_is_said(name: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    entry = build(CLIP, name=name or CLIP.build.name)
    loaded(openai(entry, own=False), tmp_path, entry)
    (line,) = capsys.readouterr().err.splitlines()
    assert f": {said}, norm epsilon 1e-05, by build '{entry.build.name}': nothing in the file shows it" in line


def test_timm_s_copy_of_openai_s_weights_is_refused_by_a_network_with_gelu(tmp_path: Path) -> None:
    entry = dataclasses.replace(CLIP, checkpoint=dataclasses.replace(CLIP.checkpoint, layout="timm", drop=()))
    for name, fits in (("vit_base_patch16_clip_224.openai", False), ("vit_base_patch16_clip_quickgelu_224.openai", True)):
        named = build(entry, name=name)
        state = zoo_families.randomise(build_model(named)).state_dict()
        if fits:
            loaded(state, tmp_path, named)
        else:
            assert "of a network with QuickGELU" in refusal(state, tmp_path, named)


@pytest.mark.parametrize("layout", ["dino", "mae", "mocov3", "dinov2", "deit3"])
def test_a_layout_of_published_code_implies_its_activation_and_epsilon(
    layout: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    entry = dataclasses.replace(ENTRY, checkpoint=dataclasses.replace(ENTRY.checkpoint, layout=layout))
    for act_layer, said in (("gelu_tanh", "GELU by tanh, where"), ("quick_gelu", "QuickGELU, where")):
        text = refusal(STATE, tmp_path, build(entry, arguments={**ENTRY.build.arguments, "act_layer": act_layer}))
        assert said in text and f"(layout '{layout}')" in text
    text = refusal(STATE, tmp_path, build(entry, name="vit_base_patch16_clip_224"))
    assert "has norm epsilon 1e-05, where these weights are of one with 1e-06" in text
    assert loaded(STATE, tmp_path, entry).isfinite().all()
    assert not capsys.readouterr().err


# On the meta device, where the rotary positions of timm's Eva, which need values, cannot be built.
@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.adapter not in ("random", "timm_eva")])
def test_every_entry_builds_what_its_layout_implies(name: str) -> None:
    entry = MODELS[name]
    with torch.device("meta"):
        model = build_model(entry)
    built = unseen_of(adapt(model, entry))
    assert built.is_certain
    names = {"demo_clip": OWN}.get(name, ["blocks.0.mlp.w12.weight"] if name.endswith("g14") else [])
    assert LAYOUTS[entry.checkpoint.layout].unseen(names, entry).contradiction(built) is None
