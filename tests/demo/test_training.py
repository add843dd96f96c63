"""Every method trains for two steps and writes its official layout, which timm reads back without a key too many."""

from __future__ import annotations

import argparse
import subprocess
import sys

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file
from timm.models.vision_transformer import _convert_openai_clip

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.demo.checkpoints import flax_vit, openai_visual, save_npz
from workflow_scripts.demo.models import beit_vit, clip_vit, plain_vit
from workflow_scripts.train_demo_model import train

FILES = {
    "fs": "fs.npz",
    "clip": "clip.pt",
    "dino": "dino.pth",
    "mocov3": "mocov3.pth.tar",
    "mae": "mae.pth",
    "beit": "beit.pth",
    "untrained": "untrained.safetensors",
    "start": "start.safetensors",
}


def _train(method, world, folder, seed=0):
    torch.manual_seed(seed)
    path = folder / FILES[method]
    steps = train(method, world, effort=0.001, output=path, device="cpu")
    assert steps == (0 if method in ("untrained", "start") else 2)
    return path


@pytest.fixture(scope="module")
def zoo(world_file, tmp_path_factory):
    """The checkpoint of every method after two steps, as read from disk."""
    folder = tmp_path_factory.mktemp("zoo")
    torch.set_num_threads(1)
    paths = {method: _train(method, world_file, folder) for method in FILES}
    content = {"fs": dict(np.load(paths["fs"])), **{name: load_file(paths[name]) for name in ("untrained", "start")}}
    with torch.serialization.safe_globals([argparse.Namespace]):
        for method in set(FILES) - set(content):
            content[method] = torch.load(paths[method], weights_only=True)
    return paths, content


def _inner(state, prefix):
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _fits(model, state):
    model.load_state_dict(state, strict=True)
    return model


def test_the_controls_are_in_timm_layout_and_differ_in_their_start(zoo):
    untrained, prepared = (_fits(plain_vit(), zoo[1][name]) for name in ("untrained", "start"))
    query, key, _ = prepared.blocks[0].attn.qkv.weight.chunk(3)
    assert torch.equal(query, key)
    query, key, _ = untrained.blocks[0].attn.qkv.weight.chunk(3)
    assert not torch.equal(query, key)


def test_fs_has_the_names_and_shapes_of_augreg_files(zoo):
    arrays = zoo[1]["fs"]
    shapes = {name: array.shape for name, array in arrays.items()}
    attention = "Transformer/encoderblock_5/MultiHeadDotProductAttention_1"
    for name, shape in {
        "cls": (1, 1, 64),
        "embedding/kernel": (8, 8, 3, 64),
        "embedding/bias": (64,),
        "Transformer/posembed_input/pos_embedding": (1, 65, 64),
        "Transformer/encoder_norm/scale": (64,),
        "Transformer/encoderblock_0/LayerNorm_0/bias": (64,),
        "Transformer/encoderblock_0/LayerNorm_2/scale": (64,),
        "Transformer/encoderblock_0/MlpBlock_3/Dense_0/kernel": (64, 256),
        "Transformer/encoderblock_0/MlpBlock_3/Dense_1/kernel": (256, 64),
        f"{attention}/query/kernel": (64, 4, 16),
        f"{attention}/value/bias": (4, 16),
        f"{attention}/out/kernel": (4, 16, 64),
        "head/kernel": (64, 12),
    }.items():
        assert shapes[name] == shape, name
    assert len(shapes) == 8 + 6 * 16


def test_timm_reads_the_fs_file_to_the_last_number(tmp_path):
    """The reader in timm inverts the export: every parameter of the trained network comes back."""
    vit = plain_vit()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter)
    head = torch.nn.Linear(64, 12)
    save_npz(tmp_path / "fs.npz", flax_vit(vit, head))
    read = timm.create_model(
        "vit_tiny_patch16_224", img_size=64, patch_size=8, embed_dim=64, depth=6, num_heads=4, num_classes=12
    )
    read.load_pretrained(str(tmp_path / "fs.npz"))
    expected = vit.state_dict() | {"head.weight": head.weight, "head.bias": head.bias}
    assert read.state_dict().keys() == expected.keys()
    for name, value in read.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_clip_has_openai_names_and_both_towers(zoo):
    state = zoo[1]["clip"]
    expected = {
        "visual.class_embedding": (64,),
        "visual.positional_embedding": (65, 64),
        "visual.conv1.weight": (64, 3, 8, 8),
        "visual.ln_pre.weight": (64,),
        "visual.ln_post.bias": (64,),
        "visual.proj": (64, 64),
        "visual.transformer.resblocks.5.attn.in_proj_weight": (192, 64),
        "visual.transformer.resblocks.5.attn.out_proj.bias": (64,),
        "visual.transformer.resblocks.0.ln_1.weight": (64,),
        "visual.transformer.resblocks.0.mlp.c_fc.weight": (256, 64),
        "visual.transformer.resblocks.0.mlp.c_proj.weight": (64, 256),
        "transformer.resblocks.0.attn.in_proj_bias": (192,),
        "transformer.resblocks.0.ln_2.bias": (64,),
        "ln_final.weight": (64,),
        "text_projection": (64, 64),
        "logit_scale": (),
    }
    assert {name: tuple(state[name].shape) for name in expected} == expected
    assert state["token_embedding.weight"].shape[1] == state["positional_embedding"].shape[1] == 64
    visual = _convert_openai_clip(state, None)
    assert visual.pop("head.weight").shape == (64, 64)
    visual.pop("head.bias")
    _fits(clip_vit(), visual)


def test_clip_export_inverts_timms_conversion():
    vit = clip_vit()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter)
    projection = torch.randn(64, 32)
    read = _convert_openai_clip(openai_visual(vit, projection), None)
    torch.testing.assert_close(read.pop("head.weight"), projection.T)
    read.pop("head.bias")
    assert read.keys() == vit.state_dict().keys()
    for name, value in vit.state_dict().items():
        torch.testing.assert_close(read[name], value, rtol=0, atol=0)


def test_dino_is_a_full_checkpoint_whose_teacher_lags_behind(zoo):
    content = zoo[1]["dino"]
    assert content.keys() >= {"student", "teacher", "epoch", "args"}
    assert isinstance(content["args"], argparse.Namespace)
    assert {name.split(".")[0] for name in content["teacher"]} == {"backbone", "head"}
    assert {".".join(name.split(".")[:2]) for name in content["student"]} == {"module.backbone", "module.head"}
    assert {"head.mlp.0.weight", "head.last_layer.weight_g", "head.last_layer.weight_v"} <= content["teacher"].keys()
    student = _fits(plain_vit(), _inner(content["student"], "module.backbone."))
    teacher = _fits(plain_vit(), _inner(content["teacher"], "backbone."))
    assert not torch.equal(student.cls_token, teacher.cls_token)


def test_mocov3_keeps_both_encoders_and_the_predictor(zoo):
    content = zoo[1]["mocov3"]
    assert content.keys() >= {"epoch", "arch", "state_dict"}
    state = content["state_dict"]
    for encoder in ("base_encoder", "momentum_encoder"):
        inner = _inner(state, f"module.{encoder}.")
        head = {name for name in inner if name.startswith("head.")}
        assert {"head.0.weight", "head.1.running_mean", "head.6.weight"} <= head
        _fits(plain_vit(), {name: value for name, value in inner.items() if name not in head})
    assert "module.predictor.0.weight" in state
    assert {name.split(".")[1] for name in state} == {"base_encoder", "momentum_encoder", "predictor"}


def test_mae_keeps_its_decoder(zoo):
    state = zoo[1]["mae"]["model"]
    extra = {name for name in state if name.startswith("decoder_") or name == "mask_token"}
    for name in ("decoder_embed", "decoder_blocks.0.attn.qkv", "decoder_norm", "decoder_pred"):
        assert f"{name}.weight" in extra
    assert state["decoder_pred.weight"].shape[0] == 8 * 8 * 3
    assert state["decoder_pos_embed"].shape[:2] == (1, 65)
    _fits(plain_vit(), {name: value for name, value in state.items() if name not in extra})
    assert state["pos_embed"][0, 0].abs().max() == 0


def test_beit_has_the_shared_bias_table_and_no_position_embedding(zoo):
    state = zoo[1]["beit"]["model"]
    assert state["rel_pos_bias.relative_position_bias_table"].shape == (15 * 15 + 3, 4)
    assert {"cls_token", "mask_token", "blocks.0.attn.q_bias", "blocks.0.gamma_1", "norm.weight"} <= state.keys()
    assert "blocks.0.attn.qkv.bias" not in state and "pos_embed" not in state
    assert state["lm_head.weight"].shape == (256, 64)
    extra = ("mask_token", "lm_head.weight", "lm_head.bias")
    _fits(beit_vit(), {name: value for name, value in state.items() if name not in extra})


@pytest.mark.parametrize("method", ["fs", "mae"])
def test_same_seed_same_file(zoo, world_file, tmp_path, method):
    assert _train(method, world_file, tmp_path).read_bytes() == zoo[0][method].read_bytes()
    assert _train(method, world_file, tmp_path, seed=1).read_bytes() != zoo[0][method].read_bytes()


def test_training_on_a_file_that_is_no_world_gives_one_line(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(AtlasError, match="cannot be read as a demo world"):
        train("fs", path, 1.0, tmp_path / "out.npz", "cpu")
    command = ["-m", "workflow_scripts.train_demo_model", "--method", "fs", "--gpu", "never"]
    done = subprocess.run(
        [sys.executable, *command, "--world", path, "--output", tmp_path / "out.npz"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out.npz").exists()
