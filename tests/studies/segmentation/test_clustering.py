"""The table and the maps: right numbers in the right rows, from made-up passes."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score, mutual_info_score

from tests.studies.segmentation.made_up_images import (
    CANVAS,
    DRAWS,
    EXAMPLES,
    IMAGES,
    NAMES,
    clusters,
    halves,
    passes,
    true_classes,
)
from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.class_maps import match_one_to_one
from workflow_scripts.metrics.intervals import poisson_weights
from workflow_scripts.metrics.position_information import canvas_points
from workflow_scripts.studies.segmentation import clustering, overclustering, sensitivity
from workflow_scripts.studies.segmentation.colours import class_colours, cluster_colours

SETTINGS = {"canvas": CANVAS}


def table(classes=None):
    return make_table(list(clustering.rows(passes(classes), SETTINGS, 0)), study="s", analysis="clustering", model="m")


@pytest.fixture(scope="module")
def made():
    return table()


def value(made, metric, layer, facet="key", setting=""):
    rows = made[(made["metric"] == metric) & (made["facet"] == facet) & (made["setting"] == setting)]
    rows = rows if layer is None else rows[rows["layer"] == layer]
    assert len(rows) == 1
    return rows["value"].iloc[0]


def seen(maps):
    rows, columns = canvas_points(maps.shape[1:], CANVAS)
    return maps[:, rows][:, :, columns].reshape(len(maps), -1)


def test_miou_is_that_of_renamed_clusters_over_valid_pixels(made):
    classes = true_classes()
    assert value(made, "miou", 2) == 1
    valid = classes < 3
    best = max(
        jaccard_score(classes[valid], np.array(order)[clusters(classes, 3)[valid]], average="macro")
        for order in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])
    )
    assert value(made, "miou", 3) == pytest.approx(best, abs=0.02)  # overlap is matched, not IoU
    each = [value(made, "class_iou", 3, setting=name) for name in NAMES]
    assert value(made, "miou", 3) == pytest.approx(np.mean(each))


def test_the_tokens_before_the_final_norm_are_rows_of_the_last_layer_alone(made):
    raw = made[made["facet"] == "token_raw"]
    assert set(raw["layer"]) == {3}
    assert set(raw["metric"]) == {"miou", "class_iou"}
    assert value(made, "miou", 3, "token_raw") == value(made, "miou", 3, "token")


def test_nmi_is_that_of_all_points_of_all_images(made):
    places = np.tile(np.arange(CANVAS**2), IMAGES)
    for layer in (1, 2, 3):
        found = seen(clusters(true_classes(), layer)).ravel()
        expected = mutual_info_score(found, places) / mutual_info_score(found, found)
        assert value(made, "nmi", layer) == pytest.approx(expected)
    assert value(made, "nmi", 1) == pytest.approx(1)  # rows of the image
    assert value(made, "nmi", 3) == pytest.approx(value(made, "nmi_bias", 3), rel=0.3)  # noise
    parts = [value(made, "class_information", 1, setting=name) for name in NAMES]
    assert sum(parts) == pytest.approx(np.log(3))


def test_the_ground_truth_and_its_control(made):
    truth = made[made["facet"] == "ground truth"]
    assert truth["layer"].isna().all()
    points = seen(true_classes())
    valid = points < 3
    labels, places = points[valid], np.broadcast_to(np.arange(CANVAS**2), points.shape)[valid]
    expected = mutual_info_score(labels, places) / mutual_info_score(labels, labels)
    assert value(made, "nmi", None, "ground truth") == pytest.approx(expected)
    control = value(made, "nmi", None, "ground truth", clustering.SHUFFLED)
    assert control < value(made, "nmi", None, "ground truth")


def test_rows_are_in_the_terms_of_the_contract(made):
    assert set(made["dataset"]) == {"made up"}
    assert set(made["n"]) == {IMAGES}
    intervals = made["metric"].isin(["miou", "class_iou"])
    assert made.loc[~intervals, ["ci_low", "ci_high"]].isna().all(axis=None)
    assert (made["ci_low"] <= made["ci_high"])[intervals].all()
    shares = made[made["unit"] == "share"]["value"]
    assert shares.between(0, 1).all()
    assert made["higher_is_better"][made["metric"] == "miou"].all()
    assert not made["higher_is_better"][made["metric"] == "nmi"].any()


def test_images_without_any_class_give_no_score():
    made = table(np.full((IMAGES, 12, 12), 255, np.uint8))
    assert np.isnan(value(made, "miou", 1))
    assert value(made, "nmi", None, "ground truth") == 0


def test_maps_are_classes_in_consistent_names():
    arrays, facts = clustering.maps(passes(), SETTINGS)
    assert json.loads(facts["image_ids"]) == [f"image{i}" for i in EXAMPLES]
    assert json.loads(facts["class_names"]) == NAMES
    truth = seen(true_classes())[EXAMPLES].reshape(2, CANVAS, CANVAS)
    assert np.array_equal(arrays["truth_map"], truth)
    valid = truth < 3
    assert np.array_equal(arrays["key_map"][:, 1][valid], truth[valid])  # renamed clusters are classes again
    assert arrays["single_image"].shape == (2, 12, 12, 3)
    assert arrays["token_aggregate"].shape == (3, CANVAS, CANVAS, 3)


def test_the_aggregate_map_mixes_the_colours_of_the_classes():
    arrays, _ = clustering.maps(passes(), SETTINGS)
    colours = class_colours(3)
    # Rows of the image: one class everywhere in a row, in the colour of the class that it was matched with.
    first = arrays["key_aggregate"][0]
    assert {tuple(colour) for colour in first.reshape(-1, 3).tolist()} == {tuple(c) for c in colours[:3].tolist()}
    points = seen(true_classes())
    expected = np.mean([colours[c] for c in points[points[:, 7] < 3, 7]], 0)
    assert np.abs(arrays["truth_aggregate"].reshape(-1, 3)[7] - expected).max() <= 0.5 + 1e-9
    void, _ = clustering.maps(passes(np.full((IMAGES, 12, 12), 255, np.uint8)), SETTINGS)
    assert not void["truth_aggregate"].any()


def test_clusters_that_stand_for_no_class_are_black(monkeypatch):
    monkeypatch.setattr(clustering, "match_clusters", lambda counts: np.array([0, -1, 2]))
    arrays, _ = clustering.maps(passes(), SETTINGS)
    assert set(np.unique(arrays["key_map"])) == {0, 2, 255}


def test_intervals_are_of_resamples_that_are_matched_anew(made):
    """Against the pixels of the images that a resample repeats."""
    weights, classes = poisson_weights(np.arange(IMAGES), DRAWS, 0), true_classes()
    values = []
    for draw in range(DRAWS):
        images = np.repeat(np.arange(IMAGES), weights[:, draw])
        true, found = classes[images], clusters(classes, 3)[images]
        named = match_one_to_one(confusion_matrix(found[true < 3], true[true < 3], labels=[0, 1, 2]))
        values.append(jaccard_score(true[true < 3], named[found[true < 3]], average="macro"))
    row = made[(made["metric"] == "miou") & (made["facet"] == "key") & (made["layer"] == 3)].iloc[0]
    assert [row["ci_low"], row["ci_high"]] == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist())
    perfect = made[(made["metric"] == "miou") & (made["layer"] == 2)]
    assert (perfect[["ci_low", "ci_high"]] == 1).all(axis=None)


def test_more_clusters_than_classes_are_scored_by_both_rules():
    made = make_table(list(clustering.rows(passes(found=halves), SETTINGS, 0)), study="s", analysis="clustering", model="m")
    assert value(made, "miou_merged", 2) == 1  # both halves of a class
    assert 0.4 < value(made, "miou", 2) < 0.6  # one half of each is missed
    assert value(made, "class_iou_merged", 2, setting="sea") == 1
    assert not (table()["metric"] == "miou_merged").any()


def test_codebooks_of_tokens_alone_have_rows_and_maps_of_tokens_alone():
    only = passes(facets=["token"])
    made = make_table(list(clustering.rows(only, SETTINGS, 0)), study="s", analysis="clustering", model="m")
    assert set(made["facet"]) == {"token", "token_raw", "ground truth"}
    arrays, _ = clustering.maps(only, SETTINGS)
    assert "token_map" in arrays and not any(name.startswith("key") for name in arrays)


def test_overclustering_keeps_the_clusters_however_many_there_are():
    for found, many in ((halves, 6), (clusters, 3)):
        arrays, _ = overclustering.maps(passes(found=found), SETTINGS)
        assert arrays["token_clusters"].shape == (2, 3, CANVAS, CANVAS) and arrays["token_clusters"].max() == many - 1
        named = arrays["token_named"][1]
        assert np.array_equal(named[arrays["token_clusters"][:, 1]], arrays["token_map"][:, 1])
        assert arrays["token_sizes"].shape == (3, many) and arrays["token_sizes"].sum() == 3 * (true_classes() < 3).sum()
    assert "token_clusters" not in clustering.maps(passes(found=halves), SETTINGS)[0]


def test_the_purity_of_parts_leaves_the_background_out():
    images = passes(found=halves)["images"]
    parts = passes(found=halves, names=["background", "head", "leg"])["images"]
    settings = SETTINGS | {"part_dataset": "made up"}
    made = make_table(
        list(overclustering.rows({"images": images, "parts": parts}, settings, 0)), study="s", analysis="o", model="m"
    )
    assert value(made, "part_purity", 2, "token") == 1
    classes, found = true_classes(), halves(true_classes(), 3)
    kept = (classes > 0) & (classes < 3)
    expected = sum(np.bincount(classes[kept & (found == k)], minlength=1).max() for k in range(6)) / kept.sum()
    assert value(made, "part_purity", 3, "token") == pytest.approx(expected)
    row = made[(made["metric"] == "part_purity") & (made["layer"] == 3)].iloc[0]
    assert row["ci_low"] < row["ci_high"]
    without = list(overclustering.rows({"images": images}, settings, 0))
    assert not any(row["metric"] == "part_purity" for row in without)


def test_variants_have_the_mean_iou_of_their_codebooks_under_their_names():
    asks = ("second_batch", "fourth_batch", "larger_batch", "largest_batch")
    every = {ask: passes(found=clusters if place else halves)["images"] for place, ask in enumerate(asks)}
    made = make_table(
        list(sensitivity.rows(every, {"larger_batch": 32, "largest_batch": 48}, 0)), study="s", analysis="v", model="m"
    )
    assert set(made["metric"]) == {"miou"}
    assert list(dict.fromkeys(made["setting"])) == [
        "start from every 2nd batch", "start from every 4th batch", "batches of 32 images", "batches of 48 images",
    ]  # fmt: skip
    assert value(made, "miou", 2, setting="batches of 48 images") == 1
    assert value(made, "miou", 2, setting="start from every 2nd batch") < 0.6


def test_clusters_of_a_class_are_shades_of_its_colour():
    named, sizes = np.array([1, 0, 1, -1, 1]), np.array([5, 9, 20, 3, 7])
    colours = cluster_colours(named, sizes, 2)
    plain = class_colours(2)
    assert np.array_equal(colours[1], plain[0]) and np.array_equal(colours[2], plain[1])  # alone, and the largest
    assert (colours[3] == 0).all()
    assert (colours[4] > plain[1]).all() and (colours[0] < plain[1]).all()
    assert len(np.unique(cluster_colours(np.zeros(9, int), np.arange(9), 2), axis=0)) == 9


def test_colours_are_apart():
    colours = class_colours(27).astype(int)
    assert (colours[-1] == 0).all()
    apart = np.abs(colours[:, None] - colours).sum(-1) + 999 * np.eye(28, dtype=int)
    assert apart.min() > 30
