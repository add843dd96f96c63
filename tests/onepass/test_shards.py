"""Shards of a pass: cut between the same batches, put together without loss, refused where they do not belong together."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.onepass.fake import OPTIONS, FakeSource, FakeVit
from tests.onepass.test_padded_source import OWN, SizedVit, files
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass import collector as collector_module
from workflow_scripts.onepass.collectors import COLLECTORS, collector_class
from workflow_scripts.onepass.engine import cut_step, run_pass
from workflow_scripts.onepass.names import cannot_be_cut
from workflow_scripts.onepass.shards import Shard, merged_states
from workflow_scripts.onepass.states import read_metadata, read_state, write_states
from workflow_scripts.run_pass import pass_padded

ADDITIVE = [name for name in COLLECTORS if not collector_class(name).ordered]
FACTS = {"n_images": 11, "n_classes": 3, "n_layers": 3}


def with_fakes(requests, facts, folder=None):
    """Return collectors with the options of the fakes, where a merge would resolve those of a plan."""
    assert vars(facts) == FACTS
    return [collector_class(name)(3, folder, **OPTIONS.get(name, {})) for name in requests]


@pytest.fixture(autouse=True)
def resolved(monkeypatch):
    monkeypatch.setattr("workflow_scripts.onepass.shards.make_collectors", with_fakes)


def write_shard(path, shard, names, batch_size, other=None):
    """Write the shard of a pass over the view `view`, and `video` with a collector that takes images in order."""
    source = FakeSource()
    views, facts = {"view": names, "video": ["propagated_labels"]}, {}
    states = {}
    for view, wanted in views.items():
        whole = cannot_be_cut(wanted)
        if whole and not shard.takes(0):
            continue
        made = with_fakes(wanted, SimpleNamespace(**FACTS))
        part = range(len(source)) if whole else shard.part(len(source), cut_step(batch_size, made))
        run_pass(FakeVit(), "fake", source, made, batch_size, part=part)
        states[view] = {one: collector.state() for one, collector in zip(wanted, made, strict=True)}
        facts[view] = FACTS
    metadata = {"model": "fake", "seed": "0", "views": json.dumps(facts), "asked": "{}", "shard": str(shard)}
    write_states(path, states, metadata | (other or {}))
    return path


def plan_of(names):
    return {"view": {name: {} for name in names}, "video": {"propagated_labels": {}}}


def merged(folder, names, of, batch_size, order=None):
    paths = [write_shard(folder / f"{k}.safetensors", Shard(k, of), names, batch_size) for k in range(1, of + 1)]
    states, metadata = merged_states([paths[k] for k in order] if order else paths, plan_of(names), folder)
    write_states(folder / "merged.safetensors", states, metadata)
    return folder / "merged.safetensors"


def whole_pass(folder, names, batch_size):
    """Write the pass as one job."""
    states = {}
    for view, wanted in {"view": names, "video": ["propagated_labels"]}.items():
        made = with_fakes(wanted, SimpleNamespace(**FACTS))
        run_pass(FakeVit(), "fake", FakeSource(), made, batch_size)
        states[view] = {one: collector.state() for one, collector in zip(wanted, made, strict=True)}
    metadata = {"model": "fake", "seed": "0", "views": json.dumps({"video": FACTS, "view": FACTS}, sort_keys=True)}
    write_states(folder / "whole.safetensors", states, metadata)
    return folder / "whole.safetensors"


def assert_equal_states(got, expected):
    """Counts, indices and rows to the bit; sums but for rounding."""
    assert got.keys() == expected.keys()
    rows = {key.removesuffix(".index") for key in expected if key.endswith(".index")}
    for key, value in expected.items():
        assert (got[key].dtype, got[key].shape) == (value.dtype, value.shape), key
        if key in rows or value.dtype != np.float64:
            assert got[key].tobytes() == value.tobytes(), key
        else:
            assert np.allclose(got[key], value, rtol=1e-12, atol=1e-12 * np.abs(value).max(initial=0)), key


@settings(deadline=None, max_examples=8)
@given(of=st.integers(1, 7), batch_size=st.integers(1, 12), data=st.data())
def test_shards_together_are_the_pass_whatever_the_cuts(tmp_path_factory, of, batch_size, data):
    folder = tmp_path_factory.mktemp("shards")
    order = data.draw(st.permutations(range(of)))
    got, expected = merged(folder, ADDITIVE, of, batch_size, order), whole_pass(folder, ADDITIVE, batch_size)
    assert read_metadata(got) == read_metadata(expected)
    for view, names in {"view": ADDITIVE, "video": ["propagated_labels"]}.items():
        for name in names:
            assert_equal_states(read_state(got, view, name), read_state(expected, view, name))


@pytest.mark.parametrize("of", [2, 4])
def test_a_pass_of_counts_and_rows_is_the_same_file(tmp_path, of):
    names = ["pooled_features", "gram_blocks", "patch_store", "concept_patches", "region_features", "mask_iou", "cluster_maps"]
    assert merged(tmp_path, names, of, 4).read_bytes() == whole_pass(tmp_path, names, 4).read_bytes()


@given(
    n_images=st.integers(0, 200), of=st.integers(1, 9), step=st.integers(1, 40),
    groups=st.lists(st.integers(0, 30), min_size=1, max_size=5),
)  # fmt: skip
def test_cuts_are_between_batches_and_every_image_is_in_one_shard(n_images, of, step, groups):
    parts = [Shard(k, of).part(n_images, step) for k in range(1, of + 1)]
    assert [i for part in parts for i in part] == list(range(n_images))
    assert all(part.stop % step == 0 or part.stop == n_images for part in parts)
    assert all(abs(part.stop - k * n_images // of) <= step for k, part in enumerate(parts, 1))
    before = 0
    for size in groups:
        parts = [Shard(k, of).part(size, step, before, sum(groups)) for k in range(1, of + 1)]
        assert [i for part in parts for i in part] == list(range(size))
        assert all(part.stop % step == 0 or part.stop == size for part in parts)
        before += size


@pytest.mark.parametrize("of", [2, 3, 5])
def test_images_of_sizes_of_their_own_are_cut_size_by_size(tmp_path, of):
    _, source = files(tmp_path, "padded8-patch2")
    model = SimpleNamespace(at=SizedVit)
    args = SimpleNamespace(model="fake", batch_size=2)

    def passed(shard):
        made = [collector_class(name)(3, tmp_path, **OPTIONS.get(name, {})) for name in ("discovered_boxes", "residual_ratio")]
        pass_padded(model, source, OWN, made, args, lambda done: None, shard)
        return made

    whole, parts = passed(None), [passed(Shard(k, of)) for k in range(1, of + 1)]
    assert sum(part[0].n_images > 0 for part in parts) > 1
    for place, expected in enumerate(whole):
        total = expected.fresh()
        for part in parts:
            total.merge(part[place])
        assert total.n_images == 7
        for key, rows in expected.rows.items():
            assert np.array_equal(np.sort(total.rows[key].index), np.arange(7))
            assert total.rows[key].array().tobytes() == rows.array().tobytes()


def test_rows_of_shards_are_read_where_they_are(tmp_path, monkeypatch):
    """No row is held in memory or copied to a temporary file, whatever the order of positions in the shards."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 3, 5)).astype(np.float16)
    order = rng.permutation(40)
    parts = np.split(order, [7, 20, 21])
    monkeypatch.setattr(collector_module, "ROWS_IN_MEMORY", 64)
    total = collector_module.Rows((3, 5), tmp_path, np.float16)
    for number, part in enumerate(parts):
        np.save(tmp_path / f"{number}.npy", values[part])
        total.refer(part, np.load(tmp_path / f"{number}.npy", mmap_mode="r"))
    assert total._file.tell() == 0
    assert max(map(len, total.blocks())) <= 64
    assert np.array_equal(total.array(), values)
    # Beside rows that are held.
    both = collector_module.Rows((3, 5), tmp_path, np.float16)
    both.append(np.array([41, 40]), values[:2])
    both.take(total)
    both.append(np.array([42]), values[2:3])
    again = collector_module.Rows((3, 5), tmp_path, np.float16)
    again.take(both)
    assert np.array_equal(again.array(), np.concatenate([values, values[[1, 0, 2]]]))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("missing", r"1\.safetensors: not all shards of a pass \(shard 2/3 is missing\); delete it"),
        ("twice", r"3\.safetensors: not shards of one pass \(shard 2/3 is also .*2\.safetensors\)"),
        ("seed", r"2\.safetensors: not shards of one pass \(seed is '1', but '0' in "),
        ("asked", r"2\.safetensors: not shards of one pass \(asked is "),
        ("of", r"2\.safetensors: not shards of one pass \(of is 4, but 3 in "),
        ("whole", r"2\.safetensors: not a shard of a pass \(its metadata name no shard\)"),
        ("view", r"1\.safetensors: not the pass that is planned now \(no view other in any shard\)"),
        ("images", r"1\.safetensors: not shards of one pass \(pooled_features: 19 images in all shards together, of 11\)"),
        ("facts", r"2\.safetensors: not shards of one pass \(other facts of view than in the shards before it\)"),
    ],
)
def test_shards_that_do_not_belong_together_are_named(tmp_path, wrong, said):
    names = ["pooled_features"]
    paths = [write_shard(tmp_path / f"{k}.safetensors", Shard(k, 3), names, 4) for k in (1, 2, 3)]
    plan = plan_of(names)
    shard = Shard(2, 4) if wrong == "of" else Shard(2, 3)
    other = {
        "seed": {"seed": "1"},
        "asked": {"asked": json.dumps({"batch_size": 5})},
        "facts": {"views": json.dumps({"view": FACTS | {"n_images": 12}})},
    }
    match wrong:
        case "missing":
            del paths[1]
        case "twice":
            write_shard(paths[2], shard, names, 4)
        case "whole":
            write_states(paths[1], {}, {"model": "fake"})
        case "view":
            plan["other"] = {}
        case "images":  # as if it had been cut elsewhere
            write_shard(paths[2], Shard(1, 1), names, 4, {"shard": "3/3"})
        case _:
            write_shard(paths[1], shard, names, 4, other.get(wrong))
    with pytest.raises(AtlasError, match=said):
        merged_states(paths, plan, tmp_path)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "1/0", "a/b", "-1/3", "1/3/5"])
def test_a_shard_that_is_none_is_refused(text):
    with pytest.raises(AtlasError, match=rf"--shard {text}: expected NUMBER/OF"):
        Shard.parse(text)


def test_what_is_planned_is_what_the_classes_say():
    for name, gathered in COLLECTORS.items():
        kind = collector_class(name)
        assert (gathered.attention, gathered.ordered) == (kind.attention, kind.ordered), name


def test_a_view_with_one_ordered_collector_is_not_cut_and_several_go_round():
    assert cannot_be_cut(["pooled_features", "propagated_labels@other"])
    assert not cannot_be_cut(["pooled_features", "gram_blocks"])
    assert [[Shard(k, 3).takes(place) for k in (1, 2, 3)].index(True) for place in range(5)] == [0, 1, 2, 0, 1]
