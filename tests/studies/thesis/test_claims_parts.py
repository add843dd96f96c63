"""What verdicts are made of: comparisons, shapes as numbers, relative layers, facts of the registry."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.studies.thesis.made_up_study import entry, run_models, x_matrix
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import read_models, spell, write_models
from workflow_scripts.studies.evidence import late_layers, layers_like
from workflow_scripts.studies.thesis.claims.patterns import (
    BLOB_SIGMA,
    centredness,
    head_correlation,
    ridge_contrasts,
    same_maximum_share,
    top_share,
)
from workflow_scripts.studies.verdict import (
    FAILS,
    HOLDS,
    Number,
    Part,
    above,
    all_above,
    all_clearly_above,
    apart,
    clearly_above,
    decide,
    mean,
    median,
    percent,
)

MAPS = np.random.default_rng(0).random((3, 4, 5, 6))


def test_head_correlation_is_the_mean_of_pearson_s_r_over_pairs_of_heads():
    found = head_correlation(MAPS)
    for layer in range(3):
        pairs = [np.corrcoef(MAPS[layer, a].ravel(), MAPS[layer, b].ravel())[0, 1] for a in range(4) for b in range(a)]
        assert found[layer] == pytest.approx(np.mean(pairs))
    assert head_correlation(MAPS[:, [0, 0, 0]] * np.array([1, 2, 3])[:, None, None]) == pytest.approx([1, 1, 1])
    assert np.isnan(head_correlation(MAPS[:, :1])).all()


def test_a_constant_map_correlates_with_none():
    maps = MAPS.copy()
    maps[:, 0] = 0.1
    assert head_correlation(maps[:, :2]) == pytest.approx([0, 0, 0])


def test_centredness_is_the_correlation_with_a_gaussian():
    found = centredness(MAPS)
    for layer in range(3):
        each = []
        for head in range(4):
            blob = [
                [math.exp(-(((y - 2) / 6) ** 2 + ((x - 2.5) / 6) ** 2) / (2 * BLOB_SIGMA**2)) for x in range(6)]
                for y in range(5)
            ]
            each.append(np.corrcoef(MAPS[layer, head].ravel(), np.ravel(blob))[0, 1])
        assert found[layer] == pytest.approx(np.mean(each))


def test_centredness_of_hand_made_maps():
    corner, middle = np.zeros((2, 1, 1, 9, 9))
    corner[..., 0, 0], middle[..., 4, 4] = 1, 1
    assert centredness(middle)[0] > 0.2 > 0 > centredness(corner)[0]


def test_share_of_the_highest_cells():
    maps = np.zeros((1, 3, 4, 5))  # 20 cells, of which two count
    maps[0, 0] = 1
    maps[0, 1].flat[[3, 8, 11]] = 6, 3, 1
    assert top_share(maps) == pytest.approx(np.array([[0.1, 0.9, 0]]))


def test_share_of_images_with_one_maximum():
    maps = np.zeros((4, 1, 2, 3, 3))
    for image, (first, second) in enumerate([(0, 1), (0, 2), (0, 3), (5, 4)]):
        maps[image, 0, 0].flat[first] = maps[image, 0, 1].flat[second] = 1
    assert same_maximum_share(maps).tolist() == [[0.75, 0.25]]


@given(arrays(float, (4, 2, 2, 2, 3), elements=st.sampled_from([0.0, 0.5, 1.0])))
def test_share_of_images_with_one_maximum_by_counting(maps):
    found = same_maximum_share(maps)
    for layer, head in np.ndindex(2, 2):
        places = [int(image[layer, head].argmax()) for image in maps]
        assert found[layer, head] == max(places.count(place) for place in places) / 4


@given(st.integers(2, 40), st.floats(-1, 1), st.floats(0.1, 5))
def test_ridge_of_an_x_and_of_none(layers, ridge, slope):
    size = 2 * layers
    one, other = np.mgrid[:size, :size]
    by_distance = np.exp(-slope * np.abs(one - other) / size)
    assert ridge_contrasts(by_distance).mean() == pytest.approx(0, abs=1e-12)
    assert ridge_contrasts(by_distance + ridge * (one + other == size - 1)).mean() == pytest.approx(ridge)


def test_ridge_looks_far_from_the_diagonal_alone():
    size = 24
    one, other = np.mgrid[:size, :size]
    near = x_matrix(size, 0) + 0.5 * ((one + other == size - 1) & (np.abs(one - other) < size / 4))
    assert ridge_contrasts(near).mean() == pytest.approx(0)
    steps = np.where((one < 12) == (other < 12), 0.9, 0.2)  # two blocks of layers
    assert ridge_contrasts(steps).mean() == pytest.approx(0)


def test_ridge_by_hand():
    matrix = np.zeros((4, 4))
    matrix[1, 2], matrix[0, 1], matrix[2, 3] = 0.9, 0.4, 0.2
    assert ridge_contrasts(matrix).tolist() == pytest.approx([0.9 - 0.3])


def test_relative_layers():
    assert list(late_layers(12)) == [7, 8, 9, 10, 11, 12]
    assert list(late_layers(6)) == [4, 5, 6]
    assert list(late_layers(5)) == [3, 4, 5]
    assert list(layers_like(3, 6, 12)) == [3, 4, 5, 6]
    assert list(layers_like(3, 6, 6)) == [2, 3]
    assert list(layers_like(9, 11, 6)) == [5]
    assert list(layers_like(9, 11, 24)) == [18, 19, 20, 21, 22]
    assert list(layers_like(10, 12, 6)) == [5, 6]


def test_above_compares_points_and_notices_intervals():
    low, high = Number("low", 1, 0.5, 1.5), Number("high", 2, 1.6, 2.4)
    assert above(high, low) == Part("high (2.000) above low (1.000)", True, False)
    assert above(low, high) == Part("low (1.000) not above high (2.000)", False, False)
    wide = Number("wide", 2, 1.4, 2.4)
    assert above(wide, low).close and above(low, wide).close
    touching = Number("touching", 2, 1.5, 2.5)
    assert above(touching, low).close and above(low, touching).close
    assert not above(Number("point", 2), low).close
    assert not above(low, low).fits


def test_clearly_above_wants_neither_within_the_interval_of_the_other():
    low, high = Number("low", 1, 0.5, 1.5), Number("high", 2, 1.6, 2.4)
    assert clearly_above(high, low) == Part("high (2.000) above low (1.000)", True, False)
    assert clearly_above(low, high) == Part("low (1.000) not above high (2.000)", False, False)
    overlapping = Number("overlapping", 2, 1.2, 2.8)  # the intervals meet, but hold neither number
    assert clearly_above(overlapping, low) == Part("overlapping (2.000) above low (1.000)", True, True)
    assert clearly_above(Number("wide", 2, 1, 3), low) == Part("wide (2.000) not clearly above low (1.000)", False, True)
    assert not clearly_above(high, Number("wide", 1, 0, 2)).fits
    assert clearly_above(Number("point", 2), Number("other", 1.9)).fits  # nothing says that they are the same
    assert not clearly_above(low, low).fits
    assert apart(high, low) == Part("high (2.000) above low (1.000)", True, False)
    assert apart(overlapping, low).found == "overlapping (2.000) not by its interval above low (1.000)"
    assert not apart(overlapping, low).fits
    assert not apart(low, high).fits
    assert all_clearly_above([high, overlapping], [low, Number("least", 0)]).fits
    assert not all_clearly_above([high, Number("wide", 1.8, 1, 3)], [low]).fits


def test_groups_are_compared_at_their_ends():
    groups = [[Number("a", 3), Number("b", 2)], [Number("c", 1), Number("d", 1.5)]]
    assert all_above(*groups).found == "b (2.000) above d (1.500)"
    assert not all_above(*reversed(groups)).fits


def test_reasons():
    number = Number("n", 1)
    yes, no, close = Part("yes", True), Part("no", False), Part("close", True, True)
    assert decide("so", [yes], [number]).reason == "Every comparison agrees."
    assert decide("so", [yes, close], []).reason == "Every comparison agrees, but within the intervals: close."
    assert decide("so", [yes, close, no], []).reason == "Against it: no."
    assert decide("so", [Part("n", False, True)], []).reason == "Against it: n (within the intervals)."
    assert decide("so", [no], [], "the rest").reason == "Against it: no. Left out: the rest."
    assert decide("it is so", [no], []).rule == "Holds if it is so."
    many = decide("so", [Part(str(i), False) for i in range(5)], []).reason
    assert many == "Against it: 0; 1; 2; and 2 more."
    assert decide("so", [Part(str(i), False) for i in range(3)], []).reason == "Against it: 0; 1; 2."
    assert percent(0.9) == "90 %"
    assert (decide("so", [yes], []).outcome, decide("so", [yes, no], []).outcome) == (HOLDS, FAILS)
    assert decide("so", [yes], [number]).numbers == (number,)
    with pytest.raises(AssertionError):
        decide("so", [], [])


def test_numbers():
    number = Number("x", 5.0, 4.0, 8.0, "share")
    assert number.times(0.5, "half") == Number("half", 2.5, 2.0, 4.0, "share")
    assert mean("m", [number, Number("y", 7.0, 5.0, 9.0, "share")]) == Number("m", 6.0, 4.5, 8.5, "share")
    assert number.minus(1, "more") == Number("more", 4.0, 3.0, 7.0, "share")
    three = [number, Number("y", 7.0, 5.0, 9.0), Number("z", 9.0, 3.0, 9.5)]
    assert median("m", three) == Number("m", 7.0, 4.0, 9.0, "share")
    assert str(Number("layer", 7, unit="count")) == "layer (7)"


def test_models_by_their_registry_entries(tmp_path):
    entries = {
        "a": entry("FS", "ViT-L/16", image_size=[64, 48], patch=[16, 8]),
        "b": entry("DINO", "ViT-demo/8", checkpoint={"source": {"type": "demo"}}, patch=8),
        "c": entry("Random", "none"),
    }
    write_models(tmp_path / "models.json", entries)
    first, second, third = read_models(tmp_path / "models.json")
    assert (first.grid, first.size, first.width, spell(first.patch)) == ((4, 6), "L", 64, "16x8")
    assert (second.size, second.demo, spell(second.patch)) == ("", True, "8")
    assert (third.random, second.random, third.demo) == (True, False, False)
    assert (first, second, third) == run_models(entries)  # what is written is what is read
    assert read_models(tmp_path / "models.json", ["c", "a"]) == (third, first)
    assert [run_models({"x": entry("FS", f"ViT-{s}/16")})[0].size for s in ("Ti", "S", "H", "Base", "g")] == [
        "Ti", "S", "H", "", "g",
    ]  # fmt: skip
    with pytest.raises(AtlasError, match="no model 'bb' in this run; did you mean 'b'"):
        read_models(tmp_path / "models.json", ["bb"])
    (tmp_path / "models.json").write_text('[{"id": "a"}]')
    with pytest.raises(AtlasError, match=r"models\.json: not the description of a run's models"):
        read_models(tmp_path / "models.json")
