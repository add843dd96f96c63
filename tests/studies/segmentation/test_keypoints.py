"""The table of correspondence: right shares in the right rows, by both rules."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.table import make_table
from workflow_scripts.data.views import parse_view
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.segmentation import keypoints

# Two pairs of one and three points; the box of the second is twice as large.
PAIRS = {
    "point_pair": np.array([0, 1, 1, 1]),
    "point_target": np.array([[5, 5], [8, 8], [20, 3], [6, 17]], np.float32),
    "pair_size": np.array([10, 20], np.float32),
}


def found():
    """Return predictions of two layers: exact in the second, in the first off by more facet by facet."""
    made = {}
    for place, embedding in enumerate(("key", "query", "value", "token_normed", "token")):
        exact = np.repeat(PAIRS["point_target"][:, None], 2, 1)
        exact[:, 0, 0] += np.array([1.0, 2.0, 2.5, 0.5]) + place
        made[embedding] = exact
    made["token"][0, 1] += 100
    return made


def mapped():
    """Return the passes of pairs of 640 px, of whose points two have maps; the target of the second lies in a wide band."""
    random = np.random.default_rng(0)
    state = found() | {f"{name}_cosine": random.random((2, 2, 6, 6)).astype(np.float16) for name in found()}
    truth = PAIRS | {
        "pair_source": np.array([0, 2]),
        "pair_target": np.array([1, 0]),
        "pair_area": np.array([[0, 0, 640, 640], [160, 0, 480, 640]]),
        "point_source": np.array([[1, 2], [3, 4], [40, 80], [7, 8]], np.float32),
    }
    crops = random.integers(0, 256, (3, 640, 640, 3), dtype=np.uint8)
    pairs = SimpleNamespace(
        dataset="made up",
        view=parse_view("letterbox640"),
        state={"matched_pixels": state | {"key_cosine.index": np.array([0, 2])}}.get,
        truth={"pairs": (truth, {"categories": ["a"]})}.get,
        crops=lambda start, stop: crops[start:stop],
        samples=pd.DataFrame({"id": ["cat", "dog", "cow"]}),
    )
    return {"pairs": pairs}, crops, state


def test_maps_are_of_the_chosen_points_in_shares_of_the_side():
    passes, crops, state = mapped()
    arrays, facts = keypoints.maps(passes, {"alpha": 0.1})
    assert json.loads(facts["image_ids"]) == ["cat \N{RIGHTWARDS ARROW} dog", "cow \N{RIGHTWARDS ARROW} cat"]
    assert arrays["source_image"].shape == arrays["target_image"].shape == (2, 320, 320, 3)
    # A pixel of the picture is the mean of 2 x 2 of the crop.
    means = crops[0].reshape(320, 2, 320, 2, 3).mean((1, 3))
    assert np.abs(arrays["target_image"][1] - means).max() <= 1
    assert arrays["target_area"].tolist() == [[0, 0, 1, 1], [0.25, 0, 0.75, 1]]
    assert np.allclose(arrays["source_point"], np.array([[1, 2], [40, 80]]) / 640)
    assert np.allclose(arrays["target_point"], np.array([[5, 5], [20, 3]]) / 640)
    assert np.allclose(arrays["radius"], [1 / 640, 2 / 640])
    for facet, embedding in (("key", "key"), ("token", "token_normed")):
        assert np.allclose(arrays[f"{facet}_point"], state[embedding][[0, 2]] / 640)
        assert np.array_equal(arrays[f"{facet}_cosine"], state[f"{embedding}_cosine"])
        assert arrays[f"{facet}_cosine"].dtype == np.float16
    assert not any(name.startswith("token_raw") for name in arrays)


@pytest.fixture(scope="module")
def made():
    pairs = SimpleNamespace(
        dataset="made up", state={"matched_pixels": found()}.get, truth={"pairs": (PAIRS, {"categories": ["a"]})}.get
    )
    return make_table(list(keypoints.rows({"pairs": pairs}, {"alpha": 0.1}, 0)), study="s", analysis="keypoints", model="m")


def value(made, facet, layer, setting):
    rows = made[(made["facet"] == facet) & (made["layer"] == layer) & (made["setting"] == setting)]
    assert len(rows) == 1
    return rows["value"].iloc[0]


def test_points_count_alike_or_pairs_do(made):
    # Within or on the limit: of keys the point of the first pair and two of the three of the second.
    assert value(made, "key", 1, "per-point rule") == pytest.approx(3 / 4)
    assert value(made, "key", 1, "per-image rule") == pytest.approx((1 + 2 / 3) / 2)
    assert value(made, "query", 1, "per-point rule") == pytest.approx(1 / 4)
    assert value(made, "value", 1, "per-point rule") == 0
    assert value(made, "key", 2, "per-point rule") == 1


def test_tokens_are_those_after_the_final_norm_and_those_before_it_are_of_the_last_layer_alone(made):
    assert value(made, "token", 2, "per-point rule") == 1
    assert value(made, "token_raw", 2, "per-point rule") == pytest.approx(3 / 4)
    assert value(made, "token_raw", 2, "per-image rule") == pytest.approx(1 / 2)
    assert set(made["layer"][made["facet"] == "token_raw"]) == {2}


def test_rows_are_in_the_terms_of_the_contract(made):
    assert set(made["n"]) == {4}
    assert made["value"].between(made["ci_low"], made["ci_high"]).all()
    assert made["higher_is_better"].all()
    for facet in ("key", "query", "value", "token", "token_raw"):
        score = find_study("segmentation").scores[f"pck_{facet}"]
        own = made[(made["facet"] == score.facet) & (made["setting"] == score.setting) & (made["metric"] == score.metric)]
        assert len(own) == (1 if facet == "token_raw" else 2)
