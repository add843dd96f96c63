"""Tables and maps from made-up passes: tokens that separate are right, noise is at chance, and who is left out is said."""

import json

import numpy as np
import pytest

from tests.studies.tokens.made_up_passes import CONCEPTS, SETTINGS, Made, images, patches
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.binary_scores import balanced_scores
from workflow_scripts.metrics.cosine_templates import Objects, cosine_counts
from workflow_scripts.metrics.hyperplanes import draw_examples, fit_hyperplanes, hyperplane_counts
from workflow_scripts.studies.tokens import classification, segmentation
from workflow_scripts.studies.tokens.decisions import decision, setting

TRAIN, TEST = {"bird": 60, "cat": 60, "dog": 60, "few": 9}, {"bird": 15, "cat": 15, "dog": 15, "few": 9}


def table(analysis, passes, settings=SETTINGS):
    rows = list(analysis.rows(passes, settings, 0, "cpu"))
    return make_table(rows, study="tokens", analysis="a", model="m")


def value(made, metric, text, facet="key", column="value"):
    rows = made[(made["metric"] == metric) & (made["setting"] == text)]
    rows = rows[rows["facet"] == facet] if facet else rows
    assert len(rows) == 1
    return rows[column].iloc[0]


@pytest.fixture(scope="module")
def classified():
    return table(classification, Made(train=images("train", TRAIN, 0), test=images("test", TEST, 1)))


@pytest.fixture(scope="module")
def segmented():
    passes = Made(train=patches("train", 40, 0, 4), test=patches("test", 30, 1, 4, split="test"))
    return table(segmentation, passes), passes


@pytest.mark.parametrize("rule", ["hyperplane", "hyperplane, SGD", "cosine, k = 20"])
def test_a_token_that_separates_classes_is_right_and_noise_is_not(classified, rule):
    assert value(classified, "accuracy", rule, "key" if "SGD" not in rule else "token") > 0.9
    assert value(classified, "accuracy", rule, "value") == pytest.approx(0.5, abs=0.12)
    assert value(classified, "accuracy", rule, column="layer") == 7
    assert value(classified, "accuracy", rule, column="n") == 3


def test_means_are_those_of_concepts_and_intervals_hold_them(classified):
    for rule in ("hyperplane", "cosine, k = 20"):
        for metric in ("accuracy", "precision", "recall", "f1"):
            for facet in ("key", "value", "token"):
                each = [
                    value(classified, f"concept_{metric}", setting(rule, "class", name), facet)
                    for name in ("bird", "cat", "dog")
                ]
                mean = value(classified, metric, rule, facet)
                assert mean == pytest.approx(np.mean(each))
                ends = [value(classified, metric, rule, facet, end) for end in ("ci_low", "ci_high")]
                assert ends[0] - 1e-12 <= mean <= ends[1] + 1e-12


def test_concepts_of_the_figures_support_alone_and_every_support_that_is_reached(classified):
    rules = {decision(text).rule for text in classified[classified["metric"] == "accuracy"]["setting"]}
    assert rules == {"hyperplane", "hyperplane, SGD", "cosine, k = 1", "cosine, k = 5", "cosine, k = 20", "cosine, k = 50"}
    single = classified[classified["metric"] == "concept_accuracy"]["setting"]
    assert {decision(text).rule for text in single} == {"hyperplane", "hyperplane, SGD", "cosine, k = 20"}
    assert value(classified, "accuracy_sd", "cosine, k = 5", "value") > 0


def test_classes_of_too_few_images_are_listed(classified):
    assert value(classified, "concept_left_out", "class: few", "") == 9
    assert value(classified, "concept_left_out", "class: few", "", "n") == 9
    assert value(classified, "concept_examples", "class: dog", "") == 60
    assert (
        not classified["setting"]
        .str.contains("class: few")
        .drop(classified.index[classified["metric"] == "concept_left_out"])
        .any()
    )


def test_the_classes_that_two_datasets_share_are_matched_by_name():
    with pytest.raises(AtlasError, match="0 classes have 10 training and 5 test images"):
        table(classification, Made(train=images("a", {"cat": 60}, 0), test=images("b", {"dog": 60}, 1)))
    train = images("a", TRAIN, 0)
    train.samples.loc[3, "label"] = -1
    with pytest.raises(AtlasError, match="dataset 'a': image 'a/3' has no class"):
        table(classification, Made(train=train, test=images("b", TEST, 1)))


@pytest.mark.parametrize("rule", ["hyperplane", "cosine, k = 20"])
def test_patches_of_concepts_are_told_apart_by_the_token_that_shows_them(segmented, rule):
    made, _ = segmented
    assert value(made, "accuracy", setting(rule, "object")) > 0.9
    assert value(made, "accuracy", setting(rule, "object"), "value") == pytest.approx(0.5, abs=0.12)
    names = [(category, name) for name, category in CONCEPTS.values() if name not in ("rare", "kitchen")]
    if rule != "hyperplane":
        names.remove(("material", "wall"))
    each = {one: value(made, "concept_f1", setting(rule, *one)) for one in names}
    assert value(made, "f1", rule) == pytest.approx(np.mean(list(each.values())))
    assert value(made, "f1", rule, column="n") == len(names)
    own = [score for (category, _), score in each.items() if category == "object"]
    assert value(made, "f1", setting(rule, "object")) == pytest.approx(np.mean(own))


def test_a_whole_store_gives_the_numbers_of_all_patches(segmented):
    """The store keeps every patch: both rules are then what the metrics say of all patches of the category."""
    made, passes = segmented
    train, test = passes["train"], passes["test"]
    numbers = [4, 5, 7]
    labels = [one.has[..., :3].reshape(-1, 3) for one in (train, test)]
    keys = [one.mapped("concept_patches", "key")[:, 0] for one in (train, test)]
    planes = fit_hyperplanes(keys[0], draw_examples(labels[0], numbers, 0))
    expected = balanced_scores(hyperplane_counts(keys[1], labels[1], planes))
    objects = [
        Objects(key, label, np.repeat(np.arange(len(one.has)), 12))
        for key, label, one in zip(keys, labels, (train, test), strict=True)
    ]
    counts = cosine_counts(*objects, numbers, 0, supports=SETTINGS["supports"], trials=3, queries=10)
    cosine = balanced_scores(counts[:, 2])
    for place, name in enumerate(("dog", "cat", "bird")):
        for metric in ("accuracy", "f1"):
            got = value(made, f"concept_{metric}", setting("hyperplane", "object", name))
            assert got == pytest.approx(expected[metric][place], abs=1e-12)
            got = value(made, f"concept_{metric}", setting("cosine, k = 20", "object", name))
            assert got == pytest.approx(cosine[metric][:, place].mean(), abs=1e-12)


def test_who_is_left_out_and_who_cannot_be_asked_is_said(segmented):
    made, passes = segmented
    assert value(made, "concept_left_out", "object: rare", "") == 4
    assert value(made, "concept_left_out", "scene: kitchen", "") == 20  # alone in its category: nothing else to tell it from
    assert value(made, "concept_without_query", "material: wall", "") == 0  # in every image
    dogs = passes["train"].has[..., 0].sum()
    assert (value(made, "concept_examples", "object: dog", ""), value(made, "concept_examples", "object: dog", "", "n")) == (
        dogs,
        dogs,
    )


def test_a_bounded_store_is_near_and_says_so():
    few = SETTINGS | {"train_patches": 120, "test_patches": 120, "patches_per_concept": 25}
    passes = Made(train=patches("train", 40, 0, 4, few), test=patches("test", 30, 1, 4, few, "test"))
    made = table(segmentation, passes, few)
    assert value(made, "accuracy", "hyperplane: object") > 0.9
    assert value(made, "concept_examples", "object: dog", "", "n") == 25
    assert value(made, "concept_examples", "object: dog", "") > 25


def test_masks_are_those_of_the_patches(segmented):
    made, passes = segmented
    arrays, facts = segmentation.maps(passes, SETTINGS)
    concepts = json.loads(facts["concepts"])
    assert concepts[:3] == [["object", "dog"], ["object", "cat"], ["object", "bird"]]
    has, ids = passes["test"].has, json.loads(facts["image_ids"])
    for place, (column, image_id) in enumerate(zip((0, 1, 2), ids, strict=False)):
        image = int(image_id.split("/")[1])
        assert has[image, :, column].sum() == has[..., column].sum(1).max()
        assert np.array_equal(arrays["largest_truth"][place].ravel(), has[image, :, column])
        assert (arrays["largest_image"][place] == image).all()
    # Patches of no object are none to learn from: what is said of them counts for nothing.
    some = np.stack([has[int(one.split("/")[1]), :, :3].any(1) for one in ids[:3]]).reshape(3, 3, 4)
    for facet, low, high in (("key", 0.95, 1), ("value", 0, 0.8)):
        right = arrays[f"largest_hyperplane_{facet}"][:3] == arrays["largest_truth"][:3]
        assert low <= right[some].mean() <= high
    assert arrays["largest_image"].shape[1:] == (84, 112, 3)
    for rule in ("hyperplane", "cosine"):
        told = json.loads(facts[f"best_{rule}"])
        assert told["facet"] in ("key", "token")
        iou = arrays[f"best_{rule}_iou"]
        assert (np.diff(iou, axis=1) <= 0).all()
        truth, mask = (arrays[f"best_{rule}_{part}"] for part in ("truth", "mask"))
        assert iou == pytest.approx((truth & mask).sum((2, 3)) / (truth | mask).sum((2, 3)))
        text = setting("hyperplane" if rule == "hyperplane" else "cosine, k = 20", *told["concepts"][0])
        best = made[
            (made["metric"] == "concept_f1")
            & (made["facet"] == told["facet"])
            & made["setting"].str.startswith(text.split(":")[0] + ":")
        ]
        assert value(made, "concept_f1", text, told["facet"]) == best["value"].max()


def test_datasets_without_a_concept_in_common():
    short = Made(train=patches("a", 9, 0, 4), test=patches("b", 30, 1, 4, split="test"))
    with pytest.raises(AtlasError, match="datasets 'a' and 'b': no concept is shown by 10 training and 5 test images"):
        table(segmentation, short)


def test_a_feature_that_is_not_finite_is_named():
    passes = Made(train=patches("train", 40, 0, 4), test=patches("test", 30, 1, 4, split="test"))
    passes["train"].mapped("concept_patches", "key")[17, 0, 2] = np.nan
    with pytest.raises(AtlasError, match="the features of object 17 are not finite"):
        table(segmentation, passes)


def test_supports_may_be_given_in_any_order(classified):
    mixed = SETTINGS | {"supports": [50, 1, 20, 5]}
    made = table(classification, Made(train=images("train", TRAIN, 0), test=images("test", TEST, 1)), mixed)
    for support in (1, 5, 20, 50):
        assert value(made, "f1", f"cosine, k = {support}") == value(classified, "f1", f"cosine, k = {support}")
