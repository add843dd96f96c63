"""Split anywhere, same answer: every registered collector, any batches, any shards, any order of merging."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from tests.onepass.fake import FakeSource, FakeVit
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.collectors import COLLECTORS, make_collectors, spread_positions
from workflow_scripts.onepass.engine import run_pass
from workflow_scripts.onepass.states import read_metadata, read_state, write_states

OPTIONS = {
    "average_attention": {"n_classes": 3},
    "chosen_attention": {"cls_images": [1, 4, 9], "whole_images": [4]},
}


def collector(name, n_layers=3):
    return COLLECTORS[name](n_layers, None, **OPTIONS.get(name, {}))


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


@pytest.mark.parametrize("name", COLLECTORS)
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


@pytest.mark.parametrize("name", COLLECTORS)
def test_a_state_survives_the_file_and_can_still_be_merged(name, tmp_path):
    parts = []
    for half in (np.arange(6), np.arange(6, 11)):
        part = collector(name)
        run_pass(FakeVit(), "fake", Shard(FakeSource(), half), [part], batch_size=4)
        path = tmp_path / f"{half[0]}.safetensors"
        write_states(path, states([part]), {"model": "fake"})
        parts.append(COLLECTORS[name].from_state(read_state(path, name), **OPTIONS.get(name, {})))
    parts[1].merge(parts[0])
    assert_same(arrays(parts[1]), WHOLE[name])


def test_rows_spill_to_disk_and_come_back_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr("workflow_scripts.onepass.collector.ROWS_IN_MEMORY", 64)
    made = COLLECTORS["pooled_features"](3, tmp_path)
    run_pass(FakeVit(), "fake", Shard(FakeSource(), [7, 3, 9, 0, 1, 2, 10, 8, 4, 6, 5]), [made], batch_size=4)
    assert_same(arrays(made), WHOLE["pooled_features"])


def test_only_images_with_an_object_have_an_iou():
    assert 2 not in WHOLE["mask_iou"]["cls.index"]
    assert len(WHOLE["mask_iou"]["cls"]) == 10


def test_the_same_pass_writes_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        made = [collector(kind) for kind in COLLECTORS]
        run_pass(FakeVit(), "fake", FakeSource(), made, batch_size=4)
        write_states(tmp_path / name, states(made), {"x": "1", "y": "2", "a": "3"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert read_metadata(tmp_path / "a") == {"x": "1", "y": "2", "a": "3"}
    with safe_open(tmp_path / "a", framework="numpy") as file:
        assert {key.split("/")[0] for key in file.keys()} == set(COLLECTORS)  # noqa: SIM118


def test_reading_what_a_pass_did_not_gather_names_what_it_did(tmp_path):
    made = collector("attention_distance")
    run_pass(FakeVit(), "fake", FakeSource(), [made], batch_size=4)
    write_states(tmp_path / "p.safetensors", states([made]), {})
    with pytest.raises(AtlasError, match=r"no statistics of 'mask_iou'.*attention_distance"):
        read_state(tmp_path / "p.safetensors", "mask_iou")


def test_a_file_that_is_no_pass_is_named(tmp_path):
    (tmp_path / "p.safetensors").write_bytes(b"half a file")
    with pytest.raises(AtlasError, match=r"p\.safetensors: not a readable pass file"):
        read_metadata(tmp_path / "p.safetensors")


def test_make_collectors_resolves_options_and_refuses_unknown_names():
    requests = {"average_attention": {"per_class": True}, "chosen_attention": {"cls_images": 2, "whole_images": 1}}
    average, chosen = make_collectors(requests, 3, n_images=10, n_classes=7)
    assert average.options == {"n_classes": 7}
    assert chosen.options == {"cls_images": [2, 7], "whole_images": [5]}
    with pytest.raises(AtlasError, match="collector 'nope' is not known"):
        make_collectors({"nope": {}}, 3, 10, 0)


def test_spread_positions():
    assert spread_positions(10, 2) == [2, 7]
    assert spread_positions(3, 10) == [0, 1, 2]
    assert spread_positions(480, 10)[0] == 24
