"""The analyses of images of one size: norms, where high-norm patches are, and what they tell."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.studies.registers.made_up_passes import (
    GRID,
    HIGH_NORM,
    LAYERS,
    NORMAL_NORM,
    SETTINGS,
    high_patches,
    images,
    norms,
    tokens,
)
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.studies.registers import classification, local_information, outliers
from workflow_scripts.studies.registers import norms as norm_analysis


def values(found) -> dict[tuple, float]:
    """Return the values of rows by layer, facet, metric and setting, checked against the contract of tables."""
    found = list(found)
    make_table(found, model="a_model", study="registers", analysis="any")
    keys = [(row["layer"], row["facet"], row["metric"], row["setting"]) for row in found]
    assert len(set(keys)) == len(keys), "a number is there twice"
    return dict(zip(keys, (row["value"] for row in found), strict=True))


def test_norms_by_layer_and_kind_of_token():
    found = values(norm_analysis.rows({"images": images()}, SETTINGS, 0))
    plain = norms(60)
    for layer, factor in ((1, 4), (2, 2), (3, 1)):
        median = np.median(plain) / factor
        assert found[layer, "token", "norm_median", "patch"] == pytest.approx(median, rel=0.06)
        assert found[layer, "token", "norm_max", "patch"] == pytest.approx(plain.max() / factor, rel=0.03)
    assert found[2, "token", "norm_median", "cls"] == pytest.approx(60, rel=0.03)
    assert found[3, "token", "norm_p1", "register 2"] == pytest.approx(200, rel=0.03)
    assert (3, "token", "norm_median", "register 3") not in found
    assert found[3, "token_normed", "norm_median", "patch"] == pytest.approx(9, rel=0.03)
    assert (2, "token_normed", "norm_median", "patch") not in found


def test_shares_above_the_cutoff_of_the_last_layer_and_of_each():
    found = values(norm_analysis.rows({"images": images()}, SETTINGS, 0))
    share = high_patches(60).mean()
    limit = found[3, "token", "cutoff", "cutoff of the last layer"]
    assert NORMAL_NORM * 1.3 < limit < HIGH_NORM * 0.7
    assert found[3, "token", "high_norm_share", "cutoff of the last layer"] == pytest.approx(share)
    for layer in range(1, LAYERS + 1):  # the same tokens are high at their own cutoffs
        assert found[layer, "token", "high_norm_share", "cutoff of the layer"] == pytest.approx(share)
    assert (2, "token", "cutoff", "cutoff of the last layer") not in found
    assert found[3, "token_normed", "high_norm_share", "cutoff of the layer"] == 0


def test_a_model_without_outliers_has_a_share_of_zero_and_no_cutoff():
    found = values(norm_analysis.rows({"images": images(high=False)}, SETTINGS, 0))
    assert found[3, "token", "high_norm_share", "cutoff of the last layer"] == 0
    assert not [key for key in found if key[2] in ("cutoff", "attention_share", "token_share")]


@pytest.mark.parametrize(("models", "by_hand"), [(["a_model"], True), (None, True), (["another"], False)])
def test_a_cutoff_by_hand(models, by_hand):
    settings = SETTINGS | {"hand_models": models}
    found = values(norm_analysis.rows({"images": images(high=False)}, settings, 0))
    key = (3, "token", "cutoff", "cutoff of the last layer")
    assert found.get(key) == (150.0 if by_hand else None)


def test_attention_on_high_norm_patches_is_a_share_of_that_on_patches():
    passed = images()
    found = values(norm_analysis.rows({"images": passed}, SETTINGS, 0))
    attention = passed.state("chosen_attention")["cls"][:, -1, :, 3:].mean(1)
    high = high_patches(60)[[1, 4]]
    expected = np.mean([attention[i][high[i]].sum() / attention[i].sum() for i in range(2)])
    assert found[3, "token", "attention_share", "high-norm"] == pytest.approx(expected)
    assert found[3, "token", "token_share", "high-norm"] == pytest.approx(high.mean())


def test_maps_of_norms():
    passed = images()
    arrays, facts = norm_analysis.maps({"images": passed}, SETTINGS)
    assert arrays["histogram_register"].shape == (LAYERS, 2, 200)
    assert arrays["histogram_patch_normed"].sum() == arrays["histogram_patch"][0].sum() == 60 * 20
    np.testing.assert_array_equal(arrays["norms"], norms(60)[[1, 4]].reshape(2, *GRID))
    np.testing.assert_array_equal(arrays["pictures"], np.concatenate([passed.crops(1, 2), passed.crops(4, 5)]))
    assert NORMAL_NORM < json.loads(facts["cutoff"]) < HIGH_NORM
    without_cls, facts = norm_analysis.maps({"images": images(n_prefix=0, high=False)}, SETTINGS)
    assert "attention" not in without_cls
    assert "histogram_cls" not in without_cls
    assert json.loads(facts["cutoff"]) is None


def test_where_outliers_are():
    masks = np.zeros((60, 20), np.uint8)
    masks[:, [0, 7]] = 1  # the first patch is on an object, the last is not
    found = values(outliers.rows({"images": images(), "masked": images(masks=masks)}, SETTINGS, 0))
    last = (LAYERS, "token")
    assert found[*last, "neighbour_cosine", "high-norm"] == pytest.approx(0.9, abs=0.005)
    assert found[*last, "neighbour_cosine_per_patch", "normal"] == pytest.approx(0.1)
    assert found[*last, "border_share", "border"] == pytest.approx(90 / (60 * 14))
    assert found[*last, "border_share", "inside"] == 0
    assert found[*last, "largest_position_share", ""] == 1
    assert found[*last, "frequent_positions", ""] == pytest.approx(2 / 20)
    assert found[*last, "outside_objects", "high-norm"] == pytest.approx(30 / 90)
    assert found[*last, "outside_objects", "all"] == pytest.approx(18 / 20)


def test_intervals_resample_images():
    rows = outliers.rows({"images": images()}, SETTINGS, 0)
    row = next(row for row in rows if row["metric"] == "border_share" and row["setting"] == "border")
    # 60 images of one or two high patches, half each: sd of the mean of a coin over 60.
    spread = 0.5 / np.sqrt(60) / 14
    assert row["value"] - row["ci_low"] == pytest.approx(1.96 * spread, rel=0.2)
    assert row["ci_high"] - row["value"] == pytest.approx(1.96 * spread, rel=0.2)


def test_where_no_outliers_are():
    passes = {"images": images(high=False), "masked": images(high=False, masks=np.zeros((60, 20), np.uint8))}
    found = values(outliers.rows(passes, SETTINGS, 0))
    assert not [key for key in found if key[3] == "high-norm"]
    assert found[LAYERS, "token", "border_share", "border"] == 0
    assert found[LAYERS, "token", "outside_objects", "all"] == 1
    arrays, _ = outliers.maps(passes, SETTINGS)
    assert not arrays["share_by_position"].any()
    assert "density_high" not in arrays


def test_maps_of_outliers():
    arrays, facts = outliers.maps({"images": images()}, SETTINGS)
    np.testing.assert_array_equal(arrays["share_by_position"], high_patches(60).mean(0).reshape(GRID))
    at = arrays["cosines"]
    for name, peak in (("density_high", 0.9), ("density_normal", 0.1)):
        assert at[arrays[name].argmax()] == pytest.approx(peak, abs=0.01)
    assert NORMAL_NORM < json.loads(facts["cutoff"]) < HIGH_NORM


def test_high_norm_patches_that_tell_nothing_of_their_place():
    found = values(local_information.rows({"images": images(300)}, SETTINGS | {"epochs": 400}, 0, "cpu"))
    last = (LAYERS, "token")
    # Normal patches carry cell and pixels; what the high ones carry is nothing, and all of these get one answer.
    assert found[*last, "position_accuracy", "normal"] > 0.95
    assert found[*last, "position_accuracy", "high-norm"] < 0.7
    assert found[*last, "position_distance", "high-norm"] > 5 * found[*last, "position_distance", "normal"]
    assert found[*last, "pixel_error", "high-norm"] > 1.3 * found[*last, "pixel_error", "normal"]
    share = high_patches(300)[200:].mean()
    for metric in ("position_accuracy", "pixel_error"):
        normal, high, every = (found[*last, metric, kind] for kind in ("normal", "high-norm", "all"))
        assert every == pytest.approx(share * high + (1 - share) * normal)


def test_too_few_images_for_local_information():
    with pytest.raises(AtlasError, match="images has 1 images; choose a dataset of three or more"):
        list(local_information.rows({"images": images(1)}, SETTINGS, 0, "cpu"))


def test_one_token_tells_the_class_if_it_is_high_or_cls():
    passes = {"train": tokens("train", True, 0), "test": tokens("test", True, 1)}
    found = values(classification.rows(passes, SETTINGS, 0))
    last = (LAYERS, "token", "class_accuracy")
    assert found[*last, "high-norm"] > 0.95
    assert found[*last, "cls"] > 0.95
    assert 0.3 < found[*last, "normal"] < 0.7
    assert found[*last, "cls, all images"] > 0.95
    rows = list(classification.rows(passes, SETTINGS, 0))
    assert {row["setting"]: row["n"] for row in rows if row["metric"] == "class_accuracy"} == {
        "normal": 30, "high-norm": 30, "cls": 30, "normal, all images": 60, "cls, all images": 60,
    }  # fmt: skip


def test_deviation_over_draws_is_that_of_a_sample():
    passes = {"train": tokens("train", True, 0), "test": tokens("test", True, 1)}
    found = values(classification.rows(passes, SETTINGS, 0))
    deviation = found[LAYERS, "token", "class_accuracy_sd", "normal, all images"]
    assert 0 < deviation < 0.2
    assert (LAYERS, "token", "class_accuracy_sd", "cls, all images") not in found


def test_a_model_without_outliers_is_scored_on_all_images_alone():
    found = values(classification.rows({"train": tokens("a", False, 0), "test": tokens("b", False, 1)}, SETTINGS, 0))
    assert {key[3] for key in found} == {"normal, all images", "cls, all images"}


def test_images_without_a_label_are_refused():
    test = tokens("b", True, 1)
    test.samples.loc[3, "label"] = -1
    with pytest.raises(AtlasError, match=r"registers\.classification: b has images without a label; choose another dataset"):
        list(classification.rows({"train": tokens("a", True, 0), "test": test}, SETTINGS, 0))
