"""The passes of an analysis by the names of its asks, and what it reads of each."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.onepass.states import write_states
from workflow_scripts.studies.passes import Passes

VIEWS = ("squash64", "short128-tile64-patch8")


@pytest.fixture
def passes(tmp_path):
    """Return two asks of one pass with two views, whose numbers differ."""
    facts = {view: {"grid": [8, 8], "n_images": 3 + place} for place, view in enumerate(VIEWS)}
    states = {
        view: {"pooled_features": {"cls": np.full((3 + place, 2, 4), place, np.float32)}} for place, view in enumerate(VIEWS)
    }
    made = {"model": "m", "dataset": "clips", "versions": "{}", "views": json.dumps(facts)}
    write_states(tmp_path / "pass", states, made)
    pd.DataFrame({"position": range(3)}).to_parquet(tmp_path / "samples")
    np.save(tmp_path / "crops.npy", np.arange(3 * 2 * 2 * 3, dtype=np.uint8).reshape(3, 2, 2, 3))
    save_file({"object_label": np.arange(2)}, tmp_path / "masks", {"categories": json.dumps(["a", "b"])})
    files = {kind: str(tmp_path / name) for kind, name in (("pass", "pass"), ("samples", "samples"), ("masks", "masks"))}
    files["crops"] = str(tmp_path / "crops.npy")
    names = ("normal", "dense")
    asks = {name: {"dataset": "clips", "view": view, "files": files} for name, view in zip(names, VIEWS, strict=True)}
    return Passes.from_json({"asks": asks, "fits": {}})


@pytest.mark.parametrize(("name", "nearest"), [("norml", "; did you mean 'normal'?"), ("masks", "")])
def test_a_name_that_was_not_asked_for_is_refused_with_the_nearest(passes, name, nearest):
    with pytest.raises(AtlasError) as caught:
        passes[name]
    assert str(caught.value) == f"no pass '{name}' (asked for: normal, dense){nearest}"


def test_what_was_left_out_can_be_asked_about(passes):
    assert "normal" in passes
    assert "object_dense" not in passes
    assert (list(passes), len(passes)) == (["normal", "dense"], 2)  # in the order of the asks


def test_each_ask_sees_its_own_view_of_the_pass(passes):
    for place, (name, view) in enumerate(zip(passes, VIEWS, strict=True)):
        one = passes[name]
        assert (one.model, one.dataset, one.view_name, str(one.view)) == ("m", "clips", view, view)
        assert (one.made["n_images"], one.grid) == (3 + place, (8, 8))
        assert np.array_equal(one.state("pooled_features")["cls"], np.full((3 + place, 2, 4), place))
        assert np.array_equal(one.rows("pooled_features", "cls")[1:3], np.full((2, 2, 4), place))


def test_a_collector_that_did_not_listen_is_named(passes):
    with pytest.raises(AtlasError, match=r"no statistics 'squash64/mask_iou' in this pass, which holds .*pooled_features"):
        passes["normal"].state("mask_iou")


def test_files_beside_the_pass(passes):
    one = passes["normal"]
    assert list(one.samples["position"]) == [0, 1, 2]
    assert one.crops(1, 3).tolist() == np.arange(12, 36).reshape(2, 2, 2, 3).tolist()
    arrays, facts = one.truth("masks")
    assert (arrays["object_label"].tolist(), facts) == ([0, 1], {"categories": ["a", "b"]})
    with pytest.raises(AssertionError, match="does not declare that it reads the dataset"):
        _ = one.reader
