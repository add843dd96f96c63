"""Split anywhere, same answer: every registered collector, any batches, any shards, any order of merging."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from tests.onepass.fake import OPTIONS, FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.correspondence import match_keypoints
from workflow_scripts.metrics.propagation import propagate, unit
from workflow_scripts.onepass.collector import PassFacts, spread_positions
from workflow_scripts.onepass.collectors import COLLECTORS, collector_class, make_collectors
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.states import FileRows, read_metadata, read_state, write_states

ADDITIVE = [name for name in COLLECTORS if not collector_class(name).ordered]
ORDERED = [name for name in COLLECTORS if collector_class(name).ordered]


def collector(name, n_layers=3):
    return collector_class(name)(n_layers, None, **OPTIONS.get(name, {}))


def test_a_pass_may_have_several_collectors_of_a_kind():
    asked = {"cls_facets": {"facets": ["token"], "layers": [1], "precision": "float32"}}
    asked["cls_facets@other"] = {"facets": ["key"], "layers": [2], "precision": "float16"}
    first, second = make_collectors(asked, PassFacts(11, 0, 3))
    assert (first.name, second.name) == ("cls_facets", "cls_facets")
    assert (first.options["facets"], second.options["facets"]) == (["token"], ["key"])
    with pytest.raises(AtlasError, match="collector 'cls' is not known"):
        make_collectors({"cls@other": {}}, PassFacts(11, 0, 3))


class Shard:
    """A part of a source, in any order."""

    def __init__(self, source, index):
        self.source, self.index = source, np.asarray(index)

    def __len__(self):
        return len(self.index)

    def name(self, position):
        return self.source.name(position)

    def read(self, start, stop):
        return self.source.at(self.index[start:stop])


def states(collectors):
    return {made.name: made.state() for made in collectors}


def arrays(made):
    return {k: v if isinstance(v, np.ndarray) else v.array() for k, v in made.state().items()}


def whole(name):
    made = collector(name)
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=100)
    return arrays(made)


WHOLE = {name: whole(name) for name in COLLECTORS}


def assert_same(got, expected):
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        assert got[key].shape == value.shape, key
        if value.dtype.kind in "iu":
            assert np.array_equal(got[key], value), key
        else:
            assert np.allclose(got[key], value, rtol=1e-6, atol=1e-6, equal_nan=True), key


@pytest.mark.parametrize("name", ADDITIVE)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_split_anywhere_same_answer(name, data):
    source = FakeSource()
    order = data.draw(st.permutations(range(len(source))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(source) - 1), max_size=4)))
    shards = np.split(np.array(order), cuts)
    parts = []
    for shard in shards:
        part = collector(name)
        run_pass(FakeVit(), "fake", Shard(source, shard), [part], batch_size=data.draw(st.integers(1, 12)))
        parts.append(part)
    total = collector(name)
    for i in data.draw(st.permutations(range(len(parts)))):
        total.merge(parts[i])
    assert_same(arrays(total), WHOLE[name])


@pytest.mark.parametrize("name", ORDERED)
@settings(deadline=None, max_examples=12)
@given(batch_size=st.integers(1, 12))
def test_any_batches_in_order_same_answer(name, batch_size):
    made = collector(name)
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size)
    assert_same(arrays(made), WHOLE[name])


@pytest.mark.parametrize("name", ADDITIVE)
def test_a_state_survives_the_file_and_can_still_be_merged(name, tmp_path):
    parts = []
    for half in (np.arange(6), np.arange(6, 11)):
        part = collector(name)
        run_pass(FakeVit(), "fake", Shard(FakeSource(), half), [part], batch_size=4)
        path = tmp_path / f"{half[0]}.safetensors"
        write_states(path, {"view": states([part])}, {"model": "fake"})
        parts.append(collector_class(name).from_state(read_state(path, "view", name), **OPTIONS.get(name, {})))
    parts[1].merge(parts[0])
    assert_same(arrays(parts[1]), WHOLE[name])


def test_rows_spill_to_disk_and_come_back_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.onepass.collector.ROWS_IN_MEMORY", 64)
    made = collector_class("pooled_features")(3, tmp_path, **OPTIONS["pooled_features"])
    run_pass(FakeVit(), "fake", Shard(FakeSource(), [7, 3, 9, 0, 1, 2, 10, 8, 4, 6, 5]), [made], batch_size=4)
    assert_same(arrays(made), WHOLE["pooled_features"])


def tokens_of(images, layer=2):
    vit, source = FakeVit(), FakeSource()
    return vit._layer(source.images[images], layer, False).token[:, 1:]


def test_gram_blocks_are_products_of_the_features_of_consecutive_images():
    blocks = WHOLE["gram_blocks"]
    assert blocks["token_cls"].shape == (3, 3, 4, 4)
    last = tokens_of([8, 9, 10]).flatten(1).numpy()
    assert np.allclose(blocks["token_spatial"][2, 1, :3, :3], last @ last.T, rtol=1e-5)
    assert np.isnan(blocks["token_spatial"][2, 1, 3]).all()
    vit, source = FakeVit(), FakeSource()
    branch = vit._layer(source.images[4:8], 3, False).mlp_branch.flatten(1).numpy()
    assert np.allclose(blocks["mlp_branch_all"][1, 2], branch @ branch.T, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [4, 11])
def test_gram_blocks_of_a_block_input_that_the_block_before_put_out(batch_size):
    class Chained(FakeVit):
        def layers(self, images, attention=False):
            before = super()._layer(images, self.n_layers + 1, False).token
            for layer in super().layers(images, attention):
                yield replace(layer, input=before)
                before = layer.token

    made = collector("gram_blocks")
    run_pass(Chained(), "fake", FakeSource(), [made], batch_size)
    blocks = arrays(made)
    assert np.array_equal(blocks["attention_skip_all"][:, 1:], blocks["token_all"][:, :-1], equal_nan=True)
    first = Chained()._layer(FakeSource().images[4:8], 4, False).token.flatten(1).numpy()
    assert np.allclose(blocks["attention_skip_all"][1, 0], first @ first.T, rtol=1e-5)


def test_residual_ratios_are_norms_of_skip_over_branch():
    layer = FakeVit()._layer(FakeSource().images[[6]], 1, False)
    ratio = np.linalg.norm(layer.mid[0, 1:]) / np.linalg.norm(layer.mlp_branch[0, 1:])
    assert WHOLE["residual_ratio"]["mlp_spatial"][6, 0] == pytest.approx(float(ratio), rel=1e-5)
    ratio = np.linalg.norm(layer.input[0, 0]) / np.linalg.norm(layer.attn_branch[0, 0])
    assert WHOLE["residual_ratio"]["attention_cls"][6, 0] == pytest.approx(float(ratio), rel=1e-5)


def test_region_features_are_weighted_means_of_patch_tokens():
    regions = FakeSource().at([0, 4]).regions["part"]
    expected = regions.mask[4] @ tokens_of([4])[0]
    features = WHOLE["region_features"]
    row = features["part.index"].tolist().index(regions.index[4])
    assert np.allclose(features["part"][row, 1], expected, atol=1e-6)
    assert len(features["object"]) == 20


def test_labels_go_through_a_video_with_the_frames_before():
    labels = WHOLE["propagated_labels"]
    assert labels["video0000"].shape == (4, 3, 3, 12)
    assert labels["video0001.index"].tolist() == [6, 7, 8, 9, 10]
    tokens = unit(tokens_of([5, 6, 7, 8], layer=1))
    first = FakeSource().at([5]).frames.first_labels[1]
    second, third = (torch.tensor(labels["video0001"][i, 0]) for i in (0, 1))
    # Frame 3 sees frame 0 and the last two frames.
    expected = propagate(tokens[3], tokens[:3], torch.stack([first, second, third], 1), (3, 4), 1, 2, 0.1)
    assert np.allclose(labels["video0001"][2, 0], expected, atol=1e-6)


def test_key_points_are_matched_once_per_pair_and_forgotten():
    made = collector("matched_keypoints")
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=4)
    assert not made._tokens
    found = arrays(made)
    assert found["pooled_by_category.index"].tolist() == list(range(7))
    tokens = unit(tokens_of([9, 10]))
    points = torch.tensor([[7.0, 8], [9, 10], [11, 1]])
    expected = match_keypoints(tokens[:1], tokens[1:], (3, 4), 12, points)["per_point"]
    assert np.allclose(found["per_point"][3:6, 1], expected[0], atol=1e-5)


def test_a_feature_too_large_for_its_precision_is_named():
    made = collector_class("pooled_features")(3, None, facets=["cls"], precision="float16")
    source = FakeSource()

    class Loud(FakeVit):
        def _layer(self, images, index, attention):
            layer = super()._layer(images, index, attention)
            return replace(layer, token=layer.token * 1e5)

    with pytest.raises(AtlasError, match=r"layer 1 is too large for float16; set feature_precision: float32"):
        run_pass(Loud(), "fake", source, [made], 4)


def test_only_images_with_an_object_have_an_iou():
    assert 2 not in WHOLE["mask_iou"]["cls.index"]
    assert len(WHOLE["mask_iou"]["cls"]) == 10


def test_the_same_pass_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        made = [collector(kind) for kind in COLLECTORS]
        run_pass(FakeVit(), "fake", FakeSource(), made, batch_size=4)
        write_states(tmp_path / name, {"view": states(made)}, {"x": "1", "y": "2", "a": "3"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_metadata(tmp_path / "a") == {"x": "1", "y": "2", "a": "3"}
    with safe_open(tmp_path / "a", framework="numpy") as file:
        assert {tuple(key.split("/")[:2]) for key in file.keys()} == {("view", name) for name in COLLECTORS}  # noqa: SIM118


def test_reading_what_a_pass_did_not_gather_names_what_it_did(tmp_path):
    made = collector("attention_distance")
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=4)
    write_states(tmp_path / "p.safetensors", {"view": states([made])}, {})
    with pytest.raises(AtlasError, match=r"no statistics 'view/mask_iou'.*which holds view/attention_distance"):
        read_state(tmp_path / "p.safetensors", "view", "mask_iou")


def test_rows_of_a_file_are_read_in_slices(tmp_path):
    made = collector("pooled_features")
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=4)
    write_states(tmp_path / "p.safetensors", {"view": states([made])}, {})
    rows = FileRows(tmp_path / "p.safetensors", "view", "pooled_features", "cls")
    assert rows.shape == (11, 3, 6)
    assert rows[8:20].dtype == np.float16
    assert np.array_equal(rows[8:20], WHOLE["pooled_features"]["cls"][8:])
    assert np.array_equal(rows[:], WHOLE["pooled_features"]["cls"])
    with pytest.raises(AtlasError, match=r"no 'view/pooled_features/other' in this pass, which holds view/pooled_features/"):
        FileRows(tmp_path / "p.safetensors", "view", "pooled_features", "other")


def test_a_file_that_is_no_pass_is_named(tmp_path):
    (tmp_path / "p.safetensors").write_bytes(b"half a file")
    with pytest.raises(AtlasError, match=r"p\.safetensors: not a readable pass file"):
        read_metadata(tmp_path / "p.safetensors")


def test_make_collectors_resolves_options_and_refuses_unknown_names():
    requests = {"average_attention": {"per_class": True}, "chosen_attention": {"cls_images": 2, "whole_images": 1}}
    average, chosen = make_collectors(requests, PassFacts(n_images=10, n_classes=7, n_layers=3))
    assert average.options == {"n_classes": 7}
    assert chosen.options == {"cls_images": [2, 7], "whole_images": [5]}
    assert make_collectors({"gram_blocks": {"block": 8}}, PassFacts(10, 0, 3))[0].options == {"block": 8, "n_images": 10}
    with pytest.raises(AtlasError, match="collector 'nope' is not known"):
        make_collectors({"nope": {}}, PassFacts(10, 0, 3))


def test_spread_positions():
    assert spread_positions(10, 2) == [2, 7]
    assert spread_positions(3, 10) == [0, 1, 2]
    assert spread_positions(480, 10)[0] == 24


def test_features_after_the_norm_are_those_of_the_last_layer():
    vit, source = FakeVit(), FakeSource()
    made = collector_class("pooled_normed")(3, None, facets=["cls", "mean_patch"], precision="float32")
    run_pass(vit, "fake", source, [made], 4)
    *_, last = vit.layers(source.images)
    state = arrays(made)
    assert np.allclose(state["cls"][:, 0], last.token_normed[:, 0])
    assert np.allclose(state["mean_patch"][:, 0], last.token_normed[:, 1:].mean(1), atol=1e-6)
