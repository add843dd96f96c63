"""The released checkpoints: official files of small random networks, through the routes of the registry, compared."""

from __future__ import annotations

import dataclasses
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import torch
from timm.models import eva, vision_transformer
from torch import Tensor, nn

from tests.zoo import zoo_families
from tests.zoo.official_files import FULL, OFFICIAL, dinov2_names, dinov3_names, filler, shrunk
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.checkpoints import read_checkpoint
from workflow_scripts.zoo.layouts import LAYOUTS
from workflow_scripts.zoo.load import adapt, load_vit
from workflow_scripts.zoo.positions import resize_absolute
from workflow_scripts.zoo.registry import ModelEntry, read_models

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")
RELEASED = [name for name, entry in MODELS.items() if entry.studies]
ONE_PER_LAYOUT = {MODELS[name].checkpoint.layout: name for name in RELEASED}
DINOV3_DROP = ("mask_token", "*.bias_mask")


def load_weights(model: nn.Module, entry: ModelEntry, path: Path) -> None:
    read_checkpoint(entry, path).put_into(model, entry)


def with_layout(entry: ModelEntry, **changes: object) -> ModelEntry:
    return dataclasses.replace(entry, checkpoint=dataclasses.replace(entry.checkpoint, **changes))


def written(name: str, folder: Path, forms: dict = OFFICIAL) -> tuple[ModelEntry, nn.Module, Path]:
    """Return the small entry, its random network, and a file in the form of the release that holds it.

    DINOv2's files are for a larger image than the entry's, as the released ones are.
    """
    entry = shrunk(MODELS[name])
    layout = entry.checkpoint.layout
    source_entry = dataclasses.replace(entry, image_size=5 * entry.patch) if layout == "dinov2" else entry
    model = zoo_families.randomise(build_model(source_entry), seed=3)
    path = folder / entry.checkpoint.file
    forms[layout].write(forms[layout].names(model), path)
    return entry, model, path


def tokens(entry: ModelEntry, path: Path, batch: Tensor) -> Tensor:
    return [layer.token_normed for layer in load_vit(entry, path).layers(batch)][-1]


def expected_tokens(entry: ModelEntry, model: nn.Module, batch: Tensor) -> Tensor:
    adapt(model, entry)  # rounds the periods of DINOv3 in place, as the released files have them
    return zoo_families.library_outputs(model, entry.adapter, batch)[1]


def check_equal(entry: ModelEntry, found: Tensor, expected: Tensor) -> None:
    # nn.MultiheadAttention's inference kernel of open_clip and torchvision is another one than scaled_dot_product.
    tolerance = 0.0 if entry.adapter.startswith("timm") else 2e-6
    assert float((found - expected).abs().max() / expected.abs().max()) <= tolerance


@pytest.mark.parametrize("name", [name for name in RELEASED if MODELS[name].checkpoint.layout not in ("dinov2", "scalemae")])
def test_a_released_file_gives_the_network_it_was_written_from(name: str, tmp_path: Path) -> None:
    entry, model, path = written(name, tmp_path)
    batch = zoo_families.images(entry, n=2)
    check_equal(entry, tokens(entry, path, batch), expected_tokens(entry, model, batch))


def cubic(distance: Tensor) -> Tensor:
    """The cubic convolution kernel with a = -0.75."""
    x, a = distance.abs(), -0.75
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros(())))


def resampling(old: int, new: int, tenth: float) -> Tensor:
    """Return [new, old] weights of bicubic resampling by the factor (new + tenth) / old, edges repeated."""
    weights = torch.zeros(new, old, dtype=torch.float64)
    for i in range(new):
        place = (i + 0.5) * old / (new + tenth) - 0.5
        for tap in range(int(place // 1) - 1, int(place // 1) + 3):
            weights[i, min(max(tap, 0), old - 1)] += cubic(torch.tensor(place - tap, dtype=torch.float64))
    return weights


@pytest.mark.parametrize("name", [name for name in RELEASED if MODELS[name].checkpoint.layout == "dinov2"])
def test_dinov2_at_a_smaller_size_is_resampled_as_in_the_original(name: str, tmp_path: Path) -> None:
    entry, model, path = written(name, tmp_path)
    small = build_model(entry)
    if entry.prefix_tokens == 5:
        # With registers the original's rule is timm's, so timm's own filter says what is right.
        content = torch.load(path, weights_only=True)
        small.load_state_dict(vision_transformer.checkpoint_filter_fn(content, small))
    else:
        state = model.state_dict()
        cls, patches = state["pos_embed"][:, :1], state["pos_embed"][:, 1:].reshape(5, 5, -1).double()
        weights = resampling(5, 3, 0.1)
        resized = torch.einsum("ri,cj,ijd->rcd", weights, weights, patches).reshape(1, 9, -1).float()
        small.load_state_dict({**state, "pos_embed": torch.cat([cls, resized], dim=1)})
    batch = zoo_families.images(entry, n=2)
    found, expected = tokens(entry, path, batch), expected_tokens(entry, small, batch)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


def test_dinov2_equals_timms_own_filter_at_its_own_size(tmp_path: Path) -> None:
    for name in ("dinov2_g14", "dinov2reg_g14"):
        entry = dataclasses.replace(shrunk(MODELS[name]), image_size=70)
        model = zoo_families.randomise(build_model(entry), seed=3)
        OFFICIAL["dinov2"].write(dinov2_names(model), tmp_path / "weights.pth")
        loaded, theirs = build_model(entry), build_model(entry)
        load_weights(loaded, entry, tmp_path / "weights.pth")
        content = torch.load(tmp_path / "weights.pth", weights_only=True)
        theirs.load_state_dict(vision_transformer.checkpoint_filter_fn(content, theirs))
        for key, value in theirs.state_dict().items():
            assert torch.equal(loaded.state_dict()[key], value), key


@pytest.mark.parametrize(("rule", "tenth"), [("offset", 0.1), ("plain", 0.0)])
def test_rules_without_antialiasing_are_bicubic_by_their_factor(rule: str, tenth: float) -> None:
    table = torch.randn(1, 1 + 49, 6, generator=torch.Generator().manual_seed(0))
    rows, columns = resampling(7, 4, tenth), resampling(7, 16, tenth)
    patches = torch.einsum("ri,cj,ijd->rcd", rows, columns, table[0, 1:].reshape(7, 7, 6).double()).reshape(1, 64, 6)
    found = resize_absolute(table, (4, 16), 65, rule)
    assert torch.equal(found[:, :1], table[:, :1])
    assert torch.allclose(found[:, 1:], patches.float(), atol=1e-5)


def place_and_wave(row: int, column: int, channel: int, width: int, resolution: float) -> float:
    """One number of MAE's table, from its definition, its places times the ground resolution."""
    half, quarter = width // 2, width // 4
    place = (column if channel < half else row) * resolution
    frequency = torch.tensor(10000.0, dtype=torch.float64) ** (-(channel % quarter) / quarter)
    angle = place * frequency
    return float(angle.sin() if channel % half < quarter else angle.cos())


@pytest.mark.parametrize("resolution", [1.0, 0.3])
@pytest.mark.parametrize("forms", [OFFICIAL, FULL], ids=["torchgeo", "owners"])
def test_scalemae_computes_its_positions(forms: dict, resolution: float, tmp_path: Path) -> None:
    entry, model, path = written("scalemae_l16", tmp_path, forms)
    entry = with_layout(entry, input_resolution=resolution)
    # At another size than the file's too: its positions are of the image, never resampled.
    for side in (3, 5):
        entry = dataclasses.replace(entry, image_size=16 * side)
        sized = build_model(entry)
        table = torch.zeros(1, 1 + side * side, 48)
        for n in range(side * side):
            for channel in range(48):
                seen = resolution * 224 / (16 * side)
                table[0, 1 + n, channel] = place_and_wave(n // side, n % side, channel, 48, seen)
        sized.load_state_dict({**model.state_dict(), "pos_embed": table})
        loaded = build_model(entry)
        load_weights(loaded, entry, path)
        assert torch.allclose(loaded.pos_embed, table, atol=2e-6)
        batch = zoo_families.images(entry, n=2)
        found, expected = tokens(entry, path, batch), expected_tokens(entry, sized, batch)
        assert float((found - expected).abs().max() / expected.abs().max()) < 1e-5


@pytest.mark.parametrize("name", ["mae_b16", "mae_h14"])
def test_mae_with_its_decoder_loads_through_the_same_entry(name: str, tmp_path: Path) -> None:
    entry, model, path = written(name, tmp_path, FULL)
    batch = zoo_families.images(entry)
    check_equal(entry, tokens(entry, path, batch), expected_tokens(entry, model, batch))


def dinov3_entry(name: str = "vit_base_patch16_dinov3.lvd1689m") -> ModelEntry:
    entry = with_layout(shrunk(MODELS["dinov3_b16"]), layout="dinov3", drop=DINOV3_DROP, file="dinov3.pth")
    return dataclasses.replace(entry, build=dataclasses.replace(entry.build, name=name))


@pytest.mark.parametrize("variant", ["", "_qkvb"])
def test_dinov3_as_its_owners_send_it(variant: str, tmp_path: Path) -> None:
    entry = dinov3_entry(f"vit_base_patch16_dinov3{variant}.lvd1689m")
    model = zoo_families.randomise(build_model(entry), seed=3)
    path = tmp_path / "dinov3.pth"
    OFFICIAL["dinov3"].write(dinov3_names(model), path)
    batch = zoo_families.images(entry)
    check_equal(entry, tokens(entry, path, batch), expected_tokens(entry, model, batch))
    theirs = build_model(entry)
    missing, unexpected = theirs.load_state_dict(
        eva.checkpoint_filter_fn(torch.load(path, weights_only=True), theirs), strict=False
    )
    assert not missing and not unexpected
    check_equal(entry, tokens(entry, path, batch), expected_tokens(entry, theirs, batch))


def test_a_dinov3_file_of_another_network_is_refused(tmp_path: Path) -> None:
    entry = dinov3_entry()
    state = dinov3_names(zoo_families.randomise(build_model(entry), seed=3))
    torch.save({**state, "blocks.1.attn.qkv.bias": torch.ones(144)}, tmp_path / "bias.pth")
    with pytest.raises(AtlasError, match=r"blocks\.1\.attn\.qkv\.bias' is not zero.*'_qkvb'"):
        load_vit(entry, tmp_path / "bias.pth")
    torch.save({**state, "rope_embed.periods": state["rope_embed.periods"] * 1.1}, tmp_path / "periods.pth")
    with pytest.raises(AtlasError, match=r"'rope_embed.periods' is not the RoPE"):
        load_vit(entry, tmp_path / "periods.pth")


def test_simmim_needs_no_yacs_and_another_class_is_still_refused(tmp_path: Path) -> None:
    entry, _, path = written("simmim_b16", tmp_path)
    with pytest.raises(ModuleNotFoundError):
        __import__("yacs")
    assert b"yacs.config\nCfgNode" in path.read_bytes().replace(b"cyacs", b"yacs")
    load_vit(entry, path)
    path.write_bytes(path.read_bytes().replace(b"yacs.config", b"yacs.confih"))
    with pytest.raises(AtlasError, match=r"refused, its pickle asks for 'yacs\.confih\.CfgNode'"):
        load_vit(entry, path)


@pytest.mark.parametrize("layout", ONE_PER_LAYOUT)
def test_a_key_too_few_or_too_many_is_named_in_every_layout(layout: str, tmp_path: Path) -> None:
    official, entry = OFFICIAL[layout], shrunk(MODELS[ONE_PER_LAYOUT[layout]])
    model, path = build_model(entry), tmp_path / entry.checkpoint.file
    # Values do not matter here: without any the largest network makes a small file.
    state = {name: filler(*value.shape) for name, value in official.names(model).items()}

    def refusal(content: dict[str, Tensor]) -> str:
        official.write(content, path)
        with pytest.raises(AtlasError) as caught:
            load_weights(model, entry, path)
        return str(caught.value)

    text = refusal({**state, "surprise.weight": torch.zeros(3)})
    assert "unexpected 'surprise.weight'" in text and "missing" not in text
    norm = {"open_clip_vit": "ln_post.weight", "torchvision_vit": "encoder.ln.weight"}.get(entry.adapter, "norm.weight")
    text = refusal({name: value for name, value in state.items() if name != official.norm})
    assert f"missing '{norm}'" in text and "unexpected" not in text
    assert f"'{norm}' has shape (7,)" in refusal({**state, official.norm: torch.zeros(7)})


def test_two_keys_for_one_tensor_are_refused(tmp_path: Path) -> None:
    entry, model, path = written("ibot_b16", tmp_path)
    state = OFFICIAL["ibot"].names(model)
    torch.save({"state_dict": {**state, "backbone.norm.weight": torch.zeros(48)}}, path)
    with pytest.raises(AtlasError, match=r"'backbone\.norm\.weight' and another key both stand for 'norm\.weight'"):
        load_vit(entry, path)


def test_an_ibot_training_file_gives_its_teacher(tmp_path: Path) -> None:
    entry, model, path = written("ibot_b16", tmp_path)
    teacher = {f"backbone.{name}": value for name, value in model.state_dict().items()}
    student = {f"module.backbone.{name}": torch.zeros_like(value) for name, value in model.state_dict().items()}
    torch.save({"student": student, "teacher": {**teacher, "head.mlp.0.weight": torch.zeros(2)}, "epoch": 3}, path)
    batch = zoo_families.images(entry)
    check_equal(entry, tokens(entry, path, batch), expected_tokens(entry, model, batch))


def table_of(heads: int) -> tuple[int, int]:
    return (27 * 27 + 3, heads)


# Shapes in the released files, at the size these were trained at.
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "fs_b8": {"Transformer/posembed_input/pos_embedding": (1, 785, 768), "embedding/kernel": (8, 8, 3, 768)},
    "fs_s32": {"Transformer/encoderblock_11/MultiHeadDotProductAttention_1/query/kernel": (384, 6, 64)},
    "sup_in21k_l16": {"Transformer/encoderblock_23/MultiHeadDotProductAttention_1/out/kernel": (16, 64, 1024)},
    "clip_l14": {"pos_embed": (1, 257, 1024), "norm_pre.weight": (1024,), "blocks.23.mlp.fc1.weight": (4096, 1024)},
    "openclip_b16": {"visual.positional_embedding": (197, 768), "visual.class_embedding": (768,)},
    "openclip_l14": {"visual.transformer.resblocks.23.attn.in_proj_weight": (3072, 1024)},
    "dino_s8": {"pos_embed": (1, 785, 384), "patch_embed.proj.weight": (384, 3, 8, 8)},
    "mocov3_s16": {"module.base_encoder.pos_embed": (1, 197, 384)},
    "mae_h14": {"pos_embed": (1, 257, 1280), "blocks.31.attn.qkv.weight": (3840, 1280)},
    "beit_b16": {"rel_pos_bias.relative_position_bias_table": table_of(12), "blocks.0.attn.q_bias": (768,)},
    "beit_l16": {"rel_pos_bias.relative_position_bias_table": table_of(16), "blocks.23.gamma_2": (1024,)},
    "simmim_b16": {"encoder.rel_pos_bias.relative_position_bias_table": table_of(12)},
    "deit3_l16_in1k": {"pos_embed": (1, 196, 1024), "blocks.23.gamma_1": (1024,)},
    "dinov2_s14": {"pos_embed": (1, 1370, 384), "blocks.11.ls2.gamma": (384,)},
    "dinov2_g14": {"blocks.39.mlp.w12.weight": (8192, 1536), "blocks.39.mlp.w3.weight": (1536, 4096)},
    "dinov2reg_b14": {"pos_embed": (1, 1370, 768), "register_tokens": (1, 4, 768)},
    "sup_tv_b16": {"encoder.layers.encoder_layer_11.mlp.linear_1.weight": (3072, 768)},
    "dinov3_l16": {"reg_token": (1, 4, 1024), "blocks.23.gamma_1": (1024,)},
}


@pytest.mark.parametrize("name", RELEASED)
def test_the_released_shapes_fit_the_network(name: str) -> None:
    entry = MODELS[name]
    layout = LAYOUTS[entry.checkpoint.layout]
    if entry.checkpoint.layout == "dinov2":
        entry = dataclasses.replace(entry, image_size=518)
    with torch.device("meta"):
        model = build_model(entry)
        state = OFFICIAL[entry.checkpoint.layout].names(model)
    for key, shape in SHAPES.get(name, {}).items():
        assert tuple(state[key].shape) == shape, key
    content = layout.unwrap(state)
    kept = {key: value for key, value in content.items() if not any(fnmatchcase(key, p) for p in entry.checkpoint.drop)}
    renamed = layout.rename(kept, entry)
    wanted = model.state_dict()
    assert {key: value.shape for key, value in renamed.items()} == {key: value.shape for key, value in wanted.items()}
