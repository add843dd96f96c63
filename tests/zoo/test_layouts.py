"""Every official checkpoint layout: written by hand here from a random network, read by the real loader, compared.

The files are written in the names, shapes and wrappings of the official releases, with what those leave in.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from timm.models.vision_transformer import _load_weights, checkpoint_filter_fn
from torch import Tensor, nn

from tests.zoo import zoo_families
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.load import load_vit
from workflow_scripts.zoo.registry import ModelEntry, read_models

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")
StateDict = dict[str, Tensor]


def source(entry: ModelEntry) -> nn.Module:
    return zoo_families.randomise(build_model(entry), seed=3)


def with_noise(*names: str) -> StateDict:
    return {name: torch.randn(3, 2) for name in names}


def write_augreg_npz(model: nn.Module, path: Path) -> None:
    """Google's JAX names: kernels transposed, heads an axis of their own, query, key and value apart."""
    heads = model.blocks[0].attn.num_heads
    out = {
        "cls": model.cls_token,
        "embedding/kernel": model.patch_embed.proj.weight.permute(2, 3, 1, 0),
        "embedding/bias": model.patch_embed.proj.bias,
        "Transformer/posembed_input/pos_embedding": model.pos_embed,
        "Transformer/encoder_norm/scale": model.norm.weight,
        "Transformer/encoder_norm/bias": model.norm.bias,
        "head/kernel": torch.randn(model.embed_dim, 10),
        "head/bias": torch.randn(10),
        "pre_logits/kernel": torch.randn(4, 4),
        "pre_logits/bias": torch.randn(4),
    }
    for index, block in enumerate(model.blocks):
        scope = f"Transformer/encoderblock_{index}/"
        attention = scope + "MultiHeadDotProductAttention_1/"
        facets = zip(("query", "key", "value"), block.attn.qkv.weight.chunk(3), block.attn.qkv.bias.chunk(3), strict=True)
        for facet, weight, bias in facets:
            out[f"{attention}{facet}/kernel"] = weight.T.reshape(model.embed_dim, heads, -1)
            out[f"{attention}{facet}/bias"] = bias.reshape(heads, -1)
        out[attention + "out/kernel"] = block.attn.proj.weight.T.reshape(heads, -1, model.embed_dim)
        out[attention + "out/bias"] = block.attn.proj.bias
        for name, norm in (("LayerNorm_0", block.norm1), ("LayerNorm_2", block.norm2)):
            out[f"{scope}{name}/scale"], out[f"{scope}{name}/bias"] = norm.weight, norm.bias
        for name, linear in (("Dense_0", block.mlp.fc1), ("Dense_1", block.mlp.fc2)):
            out[f"{scope}MlpBlock_3/{name}/kernel"], out[f"{scope}MlpBlock_3/{name}/bias"] = (
                linear.weight.T,
                linear.bias,
            )
    np.savez(path, **{name: value.detach().numpy() for name, value in out.items()})


def openai_names(model: nn.Module) -> StateDict:
    """The visual tower of OpenAI's CLIP with the text tower beside it."""
    out = {
        "visual.class_embedding": model.cls_token[0, 0],
        "visual.positional_embedding": model.pos_embed[0],
        "visual.conv1.weight": model.patch_embed.proj.weight,
        "visual.proj": torch.randn(model.embed_dim, 32),
        "visual.ln_pre.weight": model.norm_pre.weight,
        "visual.ln_pre.bias": model.norm_pre.bias,
        "visual.ln_post.weight": model.norm.weight,
        "visual.ln_post.bias": model.norm.bias,
        "positional_embedding": torch.randn(77, 8),
        "text_projection": torch.randn(8, 32),
        "logit_scale": torch.tensor(4.6),
        "input_resolution": torch.tensor(64),
        "context_length": torch.tensor(77),
        "vocab_size": torch.tensor(49408),
        **with_noise("transformer.resblocks.0.attn.in_proj_weight", "token_embedding.weight", "ln_final.bias"),
    }
    for index, block in enumerate(model.blocks):
        scope = f"visual.transformer.resblocks.{index}."
        out[scope + "attn.in_proj_weight"] = block.attn.qkv.weight
        out[scope + "attn.in_proj_bias"] = block.attn.qkv.bias
        modules = {"attn.out_proj": block.attn.proj, "ln_1": block.norm1, "ln_2": block.norm2}
        modules |= {"mlp.c_fc": block.mlp.fc1, "mlp.c_proj": block.mlp.fc2}
        for name, module in modules.items():
            out[f"{scope}{name}.weight"], out[f"{scope}{name}.bias"] = module.weight, module.bias
    return {name: value.detach().clone() for name, value in out.items()}


def prefixed(model: nn.Module, prefix: str) -> StateDict:
    return {prefix + name: value for name, value in model.state_dict().items()}


def write_dino_training(model: nn.Module, path: Path) -> None:
    """A DINO training file: teacher and student with their heads, and the command line as a Namespace."""
    heads = with_noise("module.head.mlp.0.weight", "module.head.last_layer.weight_g")
    student = {name: torch.zeros_like(value) for name, value in prefixed(model, "module.backbone.").items()}
    teacher = {**prefixed(model, "backbone."), **with_noise("head.mlp.0.weight", "head.last_layer.weight_v")}
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


def write_mocov3(model: nn.Module, path: Path) -> None:
    state = prefixed(model, "module.base_encoder.")
    state |= with_noise("module.base_encoder.head.0.weight", "module.base_encoder.head.1.running_mean")
    state |= {name: torch.zeros_like(v) for name, v in prefixed(model, "module.momentum_encoder.").items()}
    state |= with_noise("module.predictor.0.weight")
    torch.save({"epoch": 300, "arch": "vit_small", "state_dict": state, "optimizer": {}, "scaler": {"scale": 1.0}}, path)


def write_mae(model: nn.Module, path: Path) -> None:
    decoder = with_noise("mask_token", "decoder_pos_embed", "decoder_blocks.0.norm1.weight", "decoder_pred.bias")
    record = {"model": {**model.state_dict(), **decoder}, "args": argparse.Namespace(mask_ratio=0.75), "epoch": 800}
    torch.save(record, path)


def write_beit(model: nn.Module, path: Path) -> None:
    state = {**model.state_dict(), **with_noise("mask_token", "lm_head.weight", "lm_head.bias")}
    state["rel_pos_bias.relative_position_index"] = model.rel_pos_bias.relative_position_index
    torch.save({"model": state}, path)


WRITERS: dict[str, Callable[[nn.Module, Path], None]] = {
    "demo_fs": write_augreg_npz,
    "demo_clip": lambda model, path: torch.save(openai_names(model), path),
    "demo_dino": write_dino_training,
    "demo_mocov3": write_mocov3,
    "demo_mae": write_mae,
    "demo_beit": write_beit,
    "demo_untrained": lambda model, path: __import__("safetensors.torch").torch.save_file(model.state_dict(), path),
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
    write_augreg_npz(source(entry), path)
    model = build_model(entry)
    _load_weights(model, str(path))
    batch = zoo_families.images(entry)
    with torch.inference_mode():
        assert torch.equal(final_tokens(load_vit(entry, path), batch), model.forward_features(batch))


def test_augreg_npz_of_other_head_count_is_refused(tmp_path: Path) -> None:
    entry = MODELS["demo_fs"]
    arguments = {**entry.build.arguments, "num_heads": 8}
    eight = dataclasses.replace(entry, heads=8, build=dataclasses.replace(entry.build, arguments=arguments))
    write_augreg_npz(source(eight), tmp_path / "weights.npz")
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
    write_beit(source(entry), tmp_path / "beit.pth")
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


@pytest.mark.parametrize("name", ["openclip_b16", "sup_tv_b16"])
def test_own_layout_of_open_clip_and_torchvision(name: str, tmp_path: Path) -> None:
    entry = dataclasses.replace(MODELS[name])
    model = source(entry)
    if name == "openclip_b16":
        state = {**prefixed(model, "visual."), **with_noise("visual.proj", "logit_scale", "ln_final.weight")}
    else:
        state = {**model.state_dict(), **with_noise("heads.head.weight", "heads.head.bias")}
    torch.save(state, tmp_path / "weights.pth")
    batch = zoo_families.images(entry)
    _, expected = zoo_families.library_outputs(model, entry.adapter, batch)
    found = final_tokens(load_vit(entry, tmp_path / "weights.pth"), batch)
    assert float((found - expected).abs().max() / expected.abs().max()) < 2e-6


def test_half_precision_files_load_into_float32(tmp_path: Path) -> None:
    entry = MODELS["demo_clip"]
    state = {name: value.half() if value.is_floating_point() else value for name, value in openai_names(source(entry)).items()}
    torch.save(state, tmp_path / "clip.pt")
    assert load_vit(entry, tmp_path / "clip.pt").dtype == torch.float32
