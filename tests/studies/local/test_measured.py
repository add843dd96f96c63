"""Rows of the study are read by metric, rule and words: one, a series of them, by layer, and the variances of features."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.studies.local.made_up_study import CLASSES, LAST, REMOVED, SCENES, SIZES, SWEEP, WIDTH, measured, table
from workflow_scripts.studies.local.altered import altered, by_kind
from workflow_scripts.studies.local.conditions import LINEAR, NEIGHBOURS, NN
from workflow_scripts.studies.local.measured import Measured


@pytest.fixture(scope="module")
def rows():
    return table(measured())


def test_a_row_is_that_of_the_last_layer_and_of_exactly_these_words(rows):
    own = Measured.of(rows, "mae", "patches")
    assert own.last == LAST and own.removed == REMOVED
    assert own.value("miou") == pytest.approx(0.058)
    assert own.value("miou", without=REMOVED) == pytest.approx(0.295)
    assert own.value("miou", LINEAR, images=72) == own.value("miou", LINEAR) == pytest.approx(0.375)
    assert own.value("miou", layer=1) < own.value("miou")
    assert math.isnan(own.value("miou", without=3)) and own.row("miou", without=None) is None


def test_a_series_has_the_values_of_one_word_in_order(rows):
    own = Measured.of(rows, "mae", "retrieval")
    found = own.series("share", "altered", kind="same patch")
    assert [point.at for point in found if point.at.startswith("blur")] == ["blur10", "blur20", "blur30", "blur40"]
    assert {point.row["setting"] for point in found} == {f"1-NN; altered {point.at}; kind same patch" for point in found}
    assert not own.series("share", "altered", kind="same patch", elsewhere="yes")
    assert not own.series("share", "altered", kind="same patch", without=None)
    gaps = Measured.of(rows, "dino", "association").series("instance", "gap")
    assert [int(point.at) for point in gaps] == sorted(int(point.at) for point in gaps)
    assert [int(point.at) for point in Measured.of(rows, "mae", "patches").sweep("miou")] == list(SWEEP)


def test_data_sets_and_facets_are_kept_apart(rows):
    own = Measured.of(rows, "scalemae", "resolution")
    assert own.datasets == list(SCENES) and own.removed == REMOVED
    for place, dataset in enumerate(SCENES):
        (*_, last) = own.series("knn_accuracy", "size", NEIGHBOURS, facet="cls", dataset=dataset)
        assert int(last.at) == SIZES[-1] and last.row["value"] == pytest.approx(0.8 - 0.03 * place)


def test_layers_classes_and_variances(rows):
    own = Measured.of(rows, "dino", "patches")
    assert [row["layer"] for row in own.layers("miou")] == list(range(1, LAST + 1))
    assert own.classes == list(CLASSES)
    mae = Measured.of(rows, "mae", "patches")
    assert mae.variances.shape == (WIDTH,) and mae.variances.argmax() == 0 and np.isfinite(mae.variances).all()


def test_nothing_measured_is_nothing_read(rows):
    for own in (Measured.of(rows, "none", "patches"), Measured(rows[:0])):
        assert own.last == 0 and own.removed is None and own.datasets == [] and own.classes == []
        assert own.row("miou") is None and own.sweep("miou") == [] and own.layers("miou") == [] and not len(own.variances)


def test_rows_without_a_number_or_a_layer_do_not_break_others(rows):
    own = rows[(rows["model"] == "dino") & (rows["analysis"] == "patches")]
    lacking = own.assign(value=own["value"].where(own["setting"] != NN))
    assert Measured(lacking).row("miou") is None and Measured(lacking).value("miou", LINEAR) == pytest.approx(0.383)
    layerless = own.assign(layer=pd.array([pd.NA] * len(own), dtype="Int64"))
    assert Measured(layerless).value("miou", LINEAR) == pytest.approx(0.383)


def test_alterations_are_numbers_of_a_kind():
    assert altered("scale90") == ("scale", 0.9, "scale90") and altered("band4").level == 4
    assert altered("scale80").strength == pytest.approx(1.25) and altered("blur20").strength == 20
    found = by_kind(["scale120", "blur40", "scale80", "blur10", "blur40"])
    assert list(found) == ["scale", "blur"]
    assert [one.word for one in found["blur"]] == ["blur10", "blur40"]
