"""The table of locality: means over images, layer by layer, with their intervals."""

from types import SimpleNamespace

import numpy as np
import pytest

from workflow_scripts.common.table import make_table
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.segmentation import locality


def test_means_over_images_by_both_orders_of_averaging():
    random = np.random.default_rng(0)
    information = {key: random.random((30, 4)).astype(np.float32) for key in ("head_average", "per_head_mean")}
    images = SimpleNamespace(state={"attention_information": information}.get, dataset="made up")
    made = make_table(list(locality.rows({"images": images}, {}, 0)), study="s", analysis="locality", model="m")
    for key, setting in locality.SETTINGS.items():
        own = made[made["setting"] == setting]
        assert own["layer"].tolist() == [1, 2, 3, 4]
        assert own["value"].tolist() == pytest.approx(information[key].mean(0).tolist(), rel=1e-5)
    assert (made["ci_low"] < made["value"]).all() and (made["value"] < made["ci_high"]).all()
    assert set(made["n"]) == {30}
    assert set(made["head"]) == {"mean"}


def test_the_score_is_that_of_averaged_heads():
    assert find_study("segmentation").scores["locality"].setting == locality.SETTINGS["head_average"]
