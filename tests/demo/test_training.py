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
from workflow_scripts.demo.augment import greyscale
from workflow_scripts.demo.checkpoints import flax_vit, openai_visual, save_npz
from workflow_scripts.demo.models import (
    PATCHES,
    beit_vit,
    clip_start,
    clip_vit,
    encode,
    plain_vit,
    register_vit,
    some_patches,
    spread_as_at,
    xavier,
)
from workflow_scripts.demo.objectives.beit import windows_of
from workflow_scripts.demo.objectives.distillation import across_views, assigned
from workflow_scripts.demo.objectives.ibot import mask_some
from workflow_scripts.demo.objectives.methods import METHODS
from workflow_scripts.demo.training import momentum_at
from workflow_scripts.train_demo_model import train

FILES = {
    "fs": "fs.npz",
    "clip": "clip.pt",
    "dino": "dino.pth",
    "mocov3": "mocov3.pth.tar",
    "ibot": "ibot.pth",
    "dinov2reg": "dinov2reg.pth",
    "mae": "mae.pth",
    "beit": "beit.pth",
    "untrained": "untrained.safetensors",
}


def _train(method, world, folder, seed=0):
    torch.manual_seed(seed)
    path = folder / FILES[method]
    trained = train(method, world, effort=0.0001, output=path, device="cpu")
    assert trained.steps == len(trained.losses) == (0 if method == "untrained" else 2)
    assert np.isfinite(trained.losses).all()
    return path


@pytest.fixture(scope="module")
def zoo(world_file, tmp_path_factory):
    """The checkpoint of every method after two steps, as read from disk."""
    folder = tmp_path_factory.mktemp("zoo")
    torch.set_num_threads(1)
    paths = {method: _train(method, world_file, folder) for method in FILES}
    content = {"fs": dict(np.load(paths["fs"])), "untrained": load_file(paths["untrained"])}
    with torch.serialization.safe_globals([argparse.Namespace]):
        for method in set(FILES) - set(content):
            content[method] = torch.load(paths[method], weights_only=True)
    return paths, content


def _inner(state, prefix):
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _fits(model, state):
    model.load_state_dict(state, strict=True)
    return model


def test_every_method_is_tried_and_every_float_is_in_half_precision(zoo):
    assert set(FILES) == set(METHODS)

    def floats(content):
        for value in content.values():
            if isinstance(value, dict):
                yield from floats(value)
            elif isinstance(value, (torch.Tensor, np.ndarray)) and value.dtype not in (torch.int64,):
                yield str(value.dtype).removeprefix("torch.")

    for method, content in zoo[1].items():
        assert set(floats(content)) == {"float16"}, method


def test_the_control_is_in_timm_layout_and_as_timm_starts_it(zoo):
    untrained = _fits(plain_vit(), zoo[1]["untrained"])
    assert (untrained.blocks[0].attn.qkv.bias == 0).all()
    assert 0.01 < untrained.blocks[3].mlp.fc1.weight.std() < 0.03


def test_fs_has_the_names_and_shapes_of_augreg_files(zoo):
    arrays = zoo[1]["fs"]
    shapes = {name: array.shape for name, array in arrays.items()}
    attention = "Transformer/encoderblock_7/MultiHeadDotProductAttention_1"
    for name, shape in {
        "cls": (1, 1, 64),
        "embedding/kernel": (5, 5, 3, 64),
        "embedding/bias": (64,),
        "Transformer/posembed_input/pos_embedding": (1, 145, 64),
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
    assert len(shapes) == 8 + 8 * 16


def test_timm_reads_the_fs_file_to_the_last_number(tmp_path):
    """The reader in timm inverts the export: every parameter of the trained network comes back."""
    vit = plain_vit()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter)
    head = torch.nn.Linear(64, 12)
    vit, head = vit.half().float(), head.half().float()
    save_npz(tmp_path / "fs.npz", flax_vit(vit, head))
    read = timm.create_model(
        "vit_tiny_patch16_224", img_size=60, patch_size=5, embed_dim=64, depth=8, num_heads=4, num_classes=12
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
        "visual.positional_embedding": (145, 64),
        "visual.conv1.weight": (64, 3, 5, 5),
        "visual.ln_pre.weight": (64,),
        "visual.ln_post.bias": (64,),
        "visual.proj": (64, 64),
        "visual.transformer.resblocks.7.attn.in_proj_weight": (192, 64),
        "visual.transformer.resblocks.7.attn.out_proj.bias": (64,),
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
    last = ("module.head.last_layer.weight_v", "head.last_layer.weight_v")
    torch.testing.assert_close(content["student"][last[0]], content["teacher"][last[1]], rtol=0, atol=2e-4)


def test_ibot_is_a_full_checkpoint_with_its_mask_token(zoo):
    content = zoo[1]["ibot"]
    assert content.keys() >= {"student", "teacher", "epoch", "args"}
    teacher = _inner(content["teacher"], "backbone.")
    assert teacher.pop("masked_embed").shape == (1, 64)
    _fits(plain_vit(), teacher)


def test_dinov2_is_a_backbone_of_the_released_names(zoo):
    state = zoo[1]["dinov2reg"]
    assert state["register_tokens"].shape == (1, 4, 64)
    assert state["pos_embed"].shape == (1, 145, 64)
    assert {"cls_token", "mask_token", "patch_embed.proj.weight", "blocks.0.ls1.gamma", "norm.bias"} <= state.keys()
    assert not {"reg_token", "head.last_layer.weight_g"} & state.keys()


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
    assert state["decoder_pred.weight"].shape[0] == 5 * 5 * 3
    assert state["decoder_pos_embed"].shape[:2] == (1, 145)
    _fits(plain_vit(), {name: value for name, value in state.items() if name not in extra})
    assert state["pos_embed"][0, 0].abs().max() == 0


def test_beit_has_the_shared_bias_table_and_no_position_embedding(zoo):
    state = zoo[1]["beit"]["model"]
    assert state["rel_pos_bias.relative_position_bias_table"].shape == (23 * 23 + 3, 4)
    assert {"cls_token", "mask_token", "blocks.0.attn.q_bias", "blocks.0.gamma_1", "norm.weight"} <= state.keys()
    assert "blocks.0.attn.qkv.bias" not in state and "pos_embed" not in state
    assert state["lm_head.weight"].shape == (256, 64)
    extra = ("mask_token", "lm_head.weight", "lm_head.bias")
    _fits(beit_vit(), {name: value for name, value in state.items() if name not in extra})


@pytest.mark.parametrize(("apart", "rows"), [(True, 64), (False, 192)])
def test_xavier_s_spread_is_that_of_each_matrix(apart, rows):
    torch.manual_seed(0)
    vit = plain_vit()
    xavier(vit, apart)
    for block in vit.blocks:
        for weight, inputs, outputs in ((block.attn.qkv.weight, 64, rows), (block.mlp.fc1.weight, 64, 256)):
            bound = (6 / (inputs + outputs)) ** 0.5
            assert 0.97 * bound < weight.abs().max() <= bound
        assert (block.attn.qkv.bias == 0).all() and (block.norm1.weight == 1).all()
    assert vit.patch_embed.proj.weight.abs().max() <= (6 / (64 + 75)) ** 0.5


def test_clip_starts_by_width_and_depth():
    torch.manual_seed(0)
    vit = clip_vit()
    clip_start(vit)
    spread = {"attn.qkv": 64**-0.5, "attn.proj": 64**-0.5 * 16**-0.5, "mlp.fc1": 128**-0.5, "mlp.fc2": 64**-0.5 * 16**-0.5}
    for name, expected in spread.items():
        assert vit.blocks[3].get_submodule(name).weight.std().item() == pytest.approx(expected, rel=0.05)
    assert vit.pos_embed.std().item() == pytest.approx(1 / 8, rel=0.05)


def test_a_start_made_for_a_greater_width_is_spread_as_there():
    torch.manual_seed(0)
    vit = plain_vit()
    spread_as_at(384, vit)
    assert vit.blocks[2].mlp.fc1.weight.std().item() == pytest.approx(0.02 * 6**0.5, rel=0.05)
    assert vit.pos_embed.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("network", [plain_vit, clip_vit, register_vit])
def test_with_all_patches_the_training_forward_is_timms(network):
    torch.manual_seed(0)
    vit, images = network().eval(), torch.randn(2, 3, 60, 60)
    with torch.no_grad():
        expected, everything = vit.forward_features(images), torch.arange(PATCHES).expand(2, -1)
        torch.testing.assert_close(encode(vit, images, None), expected)
        torch.testing.assert_close(encode(vit, images, everything), expected)


def test_small_images_have_positions_between_those_of_the_grid():
    """A network whose blocks do nothing shows its positions: those of 8 x 8 lie where they lie in the image."""
    vit = plain_vit().eval()
    column = torch.arange(12.0).repeat(12)
    with torch.no_grad():
        for parameter in (vit.cls_token, vit.patch_embed.proj.weight, vit.patch_embed.proj.bias):
            parameter.zero_()
        vit.pos_embed[0, 1:] = column[:, None]
        vit.blocks, vit.norm = torch.nn.Sequential(), torch.nn.Identity()
        seen = encode(vit, torch.randn(1, 3, 40, 40), None)[0, 1:, 0].view(8, 8)
    expected = (torch.arange(8) + 0.5) * 12 / 8 - 0.5
    torch.testing.assert_close(seen, expected.expand(8, 8))


def test_a_masked_patch_leaves_no_trace_of_its_content():
    torch.manual_seed(0)
    vit, images, token = plain_vit().eval(), torch.randn(1, 3, 60, 60), torch.randn(1, 1, 64)
    other = images.clone()
    other[..., :5, 5:10] += 1  # patch 1
    masked = torch.zeros(1, PATCHES, dtype=torch.bool)
    with torch.no_grad():
        assert not torch.allclose(encode(vit, images, None), encode(vit, other, None))
        masked[0, 1] = True
        assert torch.equal(encode(vit, images, None, masked, token), encode(vit, other, None, masked, token))
        kept = torch.tensor([[0, 2, 9]])
        assert torch.equal(encode(vit, images, kept), encode(vit, other, kept))


def test_kept_patches_are_distinct_and_differ_between_images():
    torch.manual_seed(0)
    kept = some_patches(50, PATCHES, 0.25, torch.device("cpu"))
    assert kept.shape == (50, 36)
    assert (kept.diff(dim=1) > 0).all()
    assert kept.unique(dim=0).shape[0] == 50
    assert set(kept.unique().tolist()) == set(range(PATCHES))


def test_grey_and_solarised_images_are_as_many_as_asked_for():
    torch.manual_seed(0)
    images = torch.rand(400, 3, 4, 4)
    grey = greyscale(images, 0.25)
    is_grey = (grey[:, 0] - grey[:, 2]).abs().amax((1, 2)) < 1e-6
    assert 60 < is_grey.sum() < 140
    assert torch.equal(grey[~is_grey], images[~is_grey])
    torch.testing.assert_close(
        grey[is_grey][:, 0], (images[is_grey] * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    )


def test_half_of_the_views_are_masked_and_within_bounds():
    torch.manual_seed(0)
    share = mask_some(200, 50, torch.device("cpu")).float().mean(1)
    assert (share == 0).sum() == 100
    assert share[share > 0].min() >= 0.1 and share.max() <= 0.5


def test_windows_are_the_three_by_three_means_about_each_patch():
    image = torch.arange(60.0).repeat(60, 1)[None, None].expand(1, 3, -1, -1)
    windows = windows_of(image).view(1, 12, 12, 3, 5, 5)
    # Patch column 1 covers 5..9, its window 0..14: means of 0..2, 3..5, ...
    assert windows[0, 4, 1, 2, 0].tolist() == [1, 4, 7, 10, 13]
    assert windows[0, 4, 1, 0, :, 3].tolist() == [10] * 5


def test_what_a_teacher_teaches_is_shared_evenly_and_prefers_what_it_prefers():
    torch.manual_seed(0)
    outputs = torch.randn(512, 64) / 3 + torch.linspace(-0.2, 0.2, 64)  # some outputs are larger for every image
    shares = assigned(outputs)
    torch.testing.assert_close(shares.sum(1), torch.ones(512))
    uneven = (outputs / 0.05).softmax(1).sum(0)
    assert shares.sum(0).std() < 0.5 * uneven.std()
    assert (shares.argmax(1) == outputs.argmax(1)).float().mean() > 0.4


def test_each_view_is_taught_by_the_other():
    """Three images of which each view has an output of its own: seeing it in the other view costs nothing."""
    taught = torch.zeros(6, 64)
    taught[torch.arange(6), torch.tensor([0, 1, 2, 3, 4, 5])] = 1
    swapped = taught[[3, 4, 5, 0, 1, 2]]
    assert across_views(taught, 20 * swapped) < across_views(taught, 20 * taught)
    expected = -(assigned(taught)[[3, 4, 5, 0, 1, 2]] * (swapped / 0.1).log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(across_views(taught, swapped), expected)


def test_the_teacher_follows_ever_more_slowly():
    momenta = [momentum_at(done, 0.9) for done in (0, 0.5, 1)]
    assert momenta == pytest.approx([0.9, 0.95, 1])


@pytest.mark.parametrize("method", ["fs", "mae", "ibot"])
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
        [sys.executable, *command, "--world", path, "--output", tmp_path / "out.npz", "--record", tmp_path / "out.json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "out.npz").exists()
