"""Models at other sizes than their files': rules of position tables by their definitions, networks against the library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq
from timm.models import beit, vision_transformer
from torch import Tensor

from tests.zoo import zoo_families
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.zoo import checkpoints
from workflow_scripts.zoo.build import build_model
from workflow_scripts.zoo.load import adapt, open_model
from workflow_scripts.zoo.positions import RELATIVE_RULES, RULES, is_ambiguous_window, resize_absolute, resize_relative
from workflow_scripts.zoo.random_vit import RandomVit
from workflow_scripts.zoo.registry import ModelEntry, read_models

MODELS = read_models(Path(__file__).parents[2] / "config" / "models.yaml")
GRIDS = st.tuples(st.integers(2, 7), st.integers(2, 7))
SMALL = {"embed_dim": 48, "depth": 2, "num_heads": 3}
OTHER, OBLONG = (80, 80), (48, 112)  # pixels; the files are for 64 x 64, patches have 16


def table_of(side: int, width: int = 8, prefix: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(1, prefix + side * side, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule not in ("sincos_mocov3", "computed")])
@pytest.mark.parametrize("side", [3, 5])
def test_at_its_own_grid_a_table_is_itself(rule: str, side: int) -> None:
    table = table_of(side)
    found = resize_absolute(table, (side, side), 1 + side * side, rule)
    # DINO's factor is not 1 at its own grid: its code does not resample there, and neither does the loader.
    assert torch.allclose(found, table, atol=1e-6) or rule == "offset"


@given(st.integers(3, 6), GRIDS)
@settings(deadline=None, max_examples=25)
def test_augreg_is_zoomed_linearly(side: int, grid: tuple[int, int]) -> None:
    table = table_of(side)
    found = resize_absolute(table, grid, 1 + grid[0] * grid[1], "bilinear_aligned")
    patches = table[0, 1:].reshape(side, side, -1).numpy()
    expected = ndimage.zoom(patches, (grid[0] / side, grid[1] / side, 1), order=1)
    assert torch.equal(found[:, :1], table[:, :1])
    assert np.allclose(found[0, 1:].reshape(expected.shape), expected, atol=1e-5)


@given(GRIDS)
@settings(deadline=None, max_examples=25)
def test_mocov3_computes_its_positions_anew(grid: tuple[int, int]) -> None:
    width = 16
    found = resize_absolute(table_of(4, width), grid, 1 + grid[0] * grid[1], "sincos_mocov3")[0]
    assert not found[0].any()
    for token in range(grid[0] * grid[1]):
        row, column = divmod(token, grid[1])
        for channel in range(width):
            place = row if channel < width // 2 else column
            angle = place / 10000 ** (channel % 4 / 4)
            wave = np.sin if channel % (width // 2) < width // 4 else np.cos
            assert abs(float(found[1 + token, channel]) - wave(angle)) < 2e-6


def test_mocov3_at_a_square_grid_is_its_released_code() -> None:
    side, quarter = 6, 4
    places, other = (axis.flatten() for axis in torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"))
    omega = 1 / 10000 ** (torch.arange(quarter) / quarter)
    waves = [part for axis in (places, other) for part in ((axis[:, None] * omega).sin(), (axis[:, None] * omega).cos())]
    found = resize_absolute(table_of(4, 16), (side, side), 1 + side * side, "sincos_mocov3")
    assert torch.allclose(found[0, 1:], torch.cat(waves, 1), atol=1e-6)


def geometric(source: int, target: int) -> np.ndarray:
    """Where a table's offsets lie, from the equation that the bisection of the released code solves."""
    n, reach = source // 2, target // 2

    def excess(q: float) -> float:
        return np.polyval(np.ones(n), q) - reach

    ratio = 1.01 if excess(1.01) > 0 else 1.5 if excess(1.5) < 0 else brentq(excess, 1.01, 1.5)
    distances = np.cumsum(ratio ** np.arange(n))
    return np.concatenate([-distances[::-1], [0], distances])


def beit_module(window: tuple[int, int], heads: int = 3) -> beit.RelativePositionBias:
    return beit.RelativePositionBias(window, heads)


@given(st.integers(3, 6), GRIDS, st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_beit_s_tables_are_splined_over_geometric_places(window: int, new: tuple[int, int], seed: int) -> None:
    source = 2 * window - 1
    table = table_of(source, 3, 0, seed)[0]
    table = torch.cat([table, torch.full((3, 3), 7.0)])
    found = resize_relative(table, beit_module(new), "geometric_spline")
    values = table[:-3].reshape(source, source, 3).numpy().astype(float)
    for axis, places in enumerate(new):
        target = 2 * places - 1
        at = geometric(source, target)
        where = np.clip(np.arange(target) - target // 2, at[0], at[-1])
        if target != source:
            values = np.moveaxis(CubicSpline(at, np.moveaxis(values, axis, 0))(where), 0, axis)
    assert torch.equal(found[-3:], table[-3:])
    assert np.allclose(found[:-3].numpy(), values.reshape(-1, 3), atol=2e-4)


def test_the_spline_is_not_timm_s_linear_rule() -> None:
    table = torch.cat([table_of(7, 3, 0)[0], torch.zeros(3, 3)])
    both = [resize_relative(table, beit_module((6, 6)), rule) for rule in ("geometric_spline", "geometric_linear")]
    assert float((both[0] - both[1]).abs().max()) > 0.003


def test_a_square_window_s_table_does_not_pass_for_an_oblong_one() -> None:
    # 2 x 14: 3 * 27 = 81 offsets, as many as 5 x 5.
    assert is_ambiguous_window((2, 14)) and not is_ambiguous_window((5, 5)) and not is_ambiguous_window((2, 3))
    table = torch.cat([table_of(9, 3, 0)[0], torch.zeros(3, 3)])
    found = resize_relative(table, beit_module((2, 14)), "geometric_spline")
    assert found.shape == table.shape
    assert not torch.allclose(found, table, atol=0.1)


# Networks


def entry_of(name: str, rule: str | None, **arguments: object) -> ModelEntry:
    family = zoo_families.BY_NAME[name]
    entry = dataclasses.replace(family, dim=48, heads=3, image_size=64, patch=16).entry()
    build = dataclasses.replace(entry.build, arguments={**family.arguments, **SMALL, **arguments})
    checkpoint = dataclasses.replace(entry.checkpoint, position_resize=rule)
    return dataclasses.replace(entry, layers=2, build=build, checkpoint=checkpoint)


def saved(entry: ModelEntry, folder: Path) -> tuple[Path, dict[str, Tensor]]:
    state = zoo_families.randomise(build_model(entry), seed=5).state_dict()
    torch.save(state, folder / "w.pth")
    return folder / "w.pth", state


def check_at(entry: ModelEntry, path: Path, size: tuple[int, int], state: dict[str, Tensor]) -> None:
    """Every block and the final norm of the model at `size` are those of the library's network with `state`."""
    sized = dataclasses.replace(entry, image_size=size)
    model = build_model(sized)
    model.load_state_dict(state)
    adapt(model, sized)  # rounds the periods of DINOv3 in place, as the released files have them
    batch = zoo_families.images(sized, n=2)
    vit = open_model(entry, path).at(size)
    assert (vit.image_size, vit.grid) == (size, (size[0] // 16, size[1] // 16))
    blocks, final = zoo_families.library_outputs(model, entry.adapter, batch)
    layers = list(vit.layers(batch, attention=True))
    for layer, expected in zip(layers, blocks, strict=True):
        assert float((layer.token - expected).abs().max() / expected.abs().max()) < 1e-5
    assert float((layers[-1].token_normed - final).abs().max() / final.abs().max()) < 1e-5


@pytest.mark.parametrize("size", [OTHER, OBLONG])
@pytest.mark.parametrize("name", ["dino_s16", "mae_b16"])
def test_learned_and_sincos_positions_as_timm_resamples_them(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    entry = entry_of(name, "antialiased")
    path, state = saved(entry, tmp_path)
    model = build_model(dataclasses.replace(entry, image_size=size))
    check_at(entry, path, size, vision_transformer.checkpoint_filter_fn(state, model))


@pytest.mark.parametrize("size", [OTHER, OBLONG])
def test_mocov3_is_the_network_that_its_code_builds(size: tuple[int, int], tmp_path: Path) -> None:
    entry = entry_of("mocov3_s16", "sincos_mocov3")
    path, state = saved(entry, tmp_path)
    grid = (size[0] // 16, size[1] // 16)
    table = resize_absolute(state["pos_embed"], grid, 1 + grid[0] * grid[1], "sincos_mocov3")
    check_at(entry, path, size, {**state, "pos_embed": table})


@pytest.mark.parametrize("size", [OTHER, OBLONG])
@pytest.mark.parametrize("name", ["beit_b16", "beit_b16_shared"])
@pytest.mark.parametrize("rule", list(RELATIVE_RULES))
def test_relative_positions(rule: str, name: str, size: tuple[int, int], tmp_path: Path) -> None:
    entry = entry_of(name, rule)
    path, state = saved(entry, tmp_path)
    model = build_model(dataclasses.replace(entry, image_size=size))
    if rule == "geometric_linear":
        check_at(entry, path, size, beit.checkpoint_filter_fn(dict(state), model))
        return
    tables = {key: value for key, value in state.items() if key.endswith("relative_position_bias_table")}
    assert len(tables) == (1 if name.endswith("shared") else 2)
    own = {key: resize_relative(v, model.get_submodule(key.rsplit(".", 1)[0]), rule) for key, v in tables.items()}
    check_at(entry, path, size, {**state, **own})


@pytest.mark.parametrize("size", [OTHER, OBLONG])
def test_rotary_positions_need_no_rule(size: tuple[int, int], tmp_path: Path) -> None:
    entry = entry_of("dinov3_s16", None)
    path, state = saved(entry, tmp_path)
    check_at(entry, path, size, state)


def test_weights_are_read_once_for_all_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = entry_of("dino_s16", "offset")
    path, state = saved(entry, tmp_path)
    reads = []
    monkeypatch.setattr(checkpoints, "read_weights", lambda path: reads.append(path) or torch.load(path, weights_only=True))
    model = open_model(entry, path)
    assert model.at(OTHER) is model.at(OTHER)
    for size in (OBLONG, (64, 64)):
        assert model.at(size).image_size == size
    assert reads == [path]
    assert torch.equal(model.at((64, 64)).blocks[0].qkv_weight, state["blocks.0.attn.qkv.weight"])


def test_another_size_without_a_rule_is_refused(tmp_path: Path) -> None:
    entry = entry_of("dino_s16", None)
    path, _ = saved(entry, tmp_path)
    open_model(entry, path).at((64, 64))
    with pytest.raises(AtlasError, match=r"'pos_embed' .* declare checkpoint\.position_resize \(antialiased or offset"):
        open_model(entry, path).at(OTHER)


def test_a_rule_for_other_tables_is_refused(tmp_path: Path) -> None:
    for name, rule, allowed in (("dino_s16", "geometric_spline", "antialiased"), ("beit_b16", "offset", "geometric_spline")):
        entry = entry_of(name, rule)
        path, _ = saved(entry, tmp_path)
        with pytest.raises(AtlasError, match=rf"'{rule}' is for other tables: declare .*{allowed}"):
            open_model(entry, path).at(OTHER)


def test_a_size_that_no_patch_fits_is_refused(tmp_path: Path) -> None:
    entry = entry_of("dino_s16", "offset")
    path, _ = saved(entry, tmp_path)
    with pytest.raises(AtlasError, match="image_size 70 x 64 is no multiple of patch 16 x 16"):
        open_model(entry, path).at((70, 64))


def test_every_entry_with_a_position_table_has_a_rule_of_its_kind() -> None:
    for entry in MODELS.values():
        rule = entry.checkpoint.position_resize
        if entry.adapter in ("random", "timm_eva"):
            assert rule == (None if entry.adapter == "random" else "computed"), entry.id
        else:
            assert rule in (RELATIVE_RULES if entry.adapter == "timm_beit" else RULES), entry.id


# Noise


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    shapes = []
    original = RandomVit.draw
    monkeypatch.setattr(RandomVit, "draw", lambda self, *a: shapes.append((len(a[0]), *a[3])) or original(self, *a))
    return shapes


def test_noise_is_drawn_for_what_is_read_alone(drawn: list[tuple[int, ...]]) -> None:
    vit = open_model(MODELS["random_b16"], None).at((224, 224))
    images = torch.rand(2, 3, 224, 224)
    for layer in vit.layers(images):
        assert layer.cls.shape == (2, 768)
        assert not layer.checksum.any()
    assert drawn == [(2, 1, 768)] * 12


def test_noise_is_the_same_whatever_is_read_first(drawn: list[tuple[int, ...]]) -> None:
    vit = open_model(MODELS["random_baseline"], None).at((60, 60))
    images = torch.rand(3, 3, 60, 60)
    first = [layer.cls.clone() for layer in vit.layers(images)]
    facets = ("attention", "token", "attn_branch", "attn_out", "mlp_branch", "mid", "key", "input", "norm1")
    previous = None
    for number, layer in enumerate(vit.layers(images, attention=True)):
        values = {facet: getattr(layer, facet) for facet in facets}
        assert torch.equal(layer.cls, first[number])
        assert torch.equal(values["token"][:, 0], first[number])
        assert values["attn_branch"] is values["attn_out"]
        assert layer.query_rope is None
        assert previous is None or values["input"] is previous
        previous = values["token"]
    assert layer.token_normed is layer.token


def test_noise_of_another_grid() -> None:
    layer = next(open_model(MODELS["random_baseline"], None).at((20, 40)).layers(torch.rand(1, 3, 20, 40), attention=True))
    assert layer.token.shape[1] == 1 + 4 * 8
    assert torch.allclose(layer.attention.sum(-1), torch.ones(1, 1, 1), atol=1e-5)
