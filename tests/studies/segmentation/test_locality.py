"""The table of locality, means over images with their intervals, and the maps of one layer."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.table import make_table
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.segmentation import locality

IMAGES, LAYERS, HEADS, CELLS = 30, 4, 3, 6
SETTINGS = {"layer": 11, "queries": [[0.1, 0.1], [0.9, 0.9]]}


@pytest.fixture(scope="module")
def states():
    random = np.random.default_rng(0)

    def values(*shape):
        return random.random(shape).astype(np.float32)

    return {
        "attention_information": {"head_average": values(IMAGES, LAYERS), "per_head": values(IMAGES, LAYERS, HEADS)},
        "mean_head_average": {"matrix": IMAGES * values(LAYERS, CELLS, CELLS).astype(np.float64)},
        "chosen_head_average": {
            "matrix": values(1, LAYERS, CELLS, CELLS),
            "heads": values(1, LAYERS, HEADS, 2, CELLS),
            "matrix.index": np.array([15]),
        },
    }


@pytest.fixture(scope="module")
def passes(states):
    crops = np.random.default_rng(1).integers(0, 256, (IMAGES, 8, 8, 3), dtype=np.uint8)
    images = SimpleNamespace(
        state=states.get,
        dataset="made up",
        grid=(2, 3),
        crops=lambda start, stop: crops[start:stop],
        samples=pd.DataFrame({"id": [f"image{i}" for i in range(IMAGES)]}),
    )
    return {"images": images}


def test_means_over_images_by_both_orders_of_averaging(states, passes):
    made = make_table(list(locality.rows(passes, SETTINGS, 0)), study="s", analysis="locality", model="m")
    information = states["attention_information"]
    for setting, values in (
        (locality.HEADS_FIRST, information["head_average"]),
        (locality.EACH_HEAD, information["per_head"].mean(-1)),
    ):
        own = made[made["setting"] == setting]
        assert own["layer"].tolist() == [1, 2, 3, 4]
        assert own["value"].tolist() == pytest.approx(values.mean(0).tolist(), rel=1e-5)
    assert (made["ci_low"] < made["value"]).all() and (made["value"] < made["ci_high"]).all()
    assert set(made["n"]) == {IMAGES}
    assert set(made["head"]) == {"mean"}


def test_the_score_is_that_of_averaged_heads():
    assert find_study("segmentation").scores["locality"].setting == locality.HEADS_FIRST


def test_maps_are_of_the_layer_at_the_share_of_the_depth(states, passes):
    arrays, facts = locality.maps(passes, SETTINGS)
    assert facts["layer"] == "3"  # 11 of 12 of 4 layers, rounded down
    assert arrays["mean_matrix"] == pytest.approx(states["mean_head_average"]["matrix"][2] / IMAGES, rel=1e-6)
    chosen = states["chosen_head_average"]
    assert np.array_equal(arrays["single_matrix"], chosen["matrix"][:, 2])
    assert arrays["query_heads"].shape == (1, 2, HEADS, CELLS)
    assert np.array_equal(arrays["query_heads"][0, 1], chosen["heads"][0, 2, :, 1])
    assert np.array_equal(arrays["single_image"][0], passes["images"].crops(15, 16)[0])
    means = states["attention_information"]["per_head"][:, 2].mean(0)
    assert int(facts["local_head"]) == 1 + int(means.argmax())
    assert json.loads(facts["query_cells"]) == [0, 5]
    assert (facts["rows"], facts["cols"], facts["n_images"]) == ("2", "3", str(IMAGES))
    assert json.loads(facts["image_ids"]) == ["image15"]


@pytest.mark.parametrize(("depth", "expected"), [(12, 11), (24, 22), (6, 5), (4, 3), (1, 1), (32, 29)])
def test_the_layer_of_other_depths(depth, expected):
    assert locality.layer_of(11, depth) == expected
