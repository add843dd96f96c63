"""The table of locality: means over images, layer by layer, with their intervals."""

from types import SimpleNamespace

import numpy as np
import pytest

from workflow_scripts.common.table import make_table
from workflow_scripts.studies.segmentation import locality


def test_means_over_images():
    information = np.random.default_rng(0).random((30, 4)).astype(np.float32)
    images = SimpleNamespace(state={"key_query_information": {"information": information}}.get, dataset="made up")
    made = make_table(list(locality.rows({"images": images}, {}, 0)), study="s", analysis="locality", model="m")
    assert made["layer"].tolist() == [1, 2, 3, 4]
    assert made["value"].tolist() == pytest.approx(information.mean(0).tolist(), rel=1e-5)
    assert (made["ci_low"] < made["value"]).all() and (made["value"] < made["ci_high"]).all()
    assert set(made["n"]) == {30}
    assert set(made["head"]) == {"mean"}
