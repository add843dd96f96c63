"""Downstream tasks: made-up statistics whose scores are known."""

import numpy as np
import pytest

from workflow_scripts.data.reader import Judgement
from workflow_scripts.studies.thesis.keypoints import keypoint_rows
from workflow_scripts.studies.thesis.knn import knn_rows
from workflow_scripts.studies.thesis.retrieval import kept_judgements, retrieval_rows
from workflow_scripts.studies.thesis.video import score_video, video_rows


def value(rows, **wanted):
    found = [row for row in rows if all(row[key] == is_ for key, is_ in wanted.items())]
    assert len(found) == 1, found
    return found[0]["value"]


def test_knn_of_every_layer_and_k():
    labels = np.arange(30) % 3
    separable = np.eye(3)[labels]
    rng = np.random.default_rng(0)
    bank = np.stack([separable, rng.normal(size=(30, 3))], 1)
    queries = np.stack([np.eye(3), np.eye(3)[[1, 2, 0]]], 1)
    rows = knn_rows(bank, queries, labels, np.arange(3), [1, 5], 0)
    assert len(rows) == 2 * 2 * 2
    assert value(rows, layer=1, metric="knn_top1", setting="k = 1") == 1
    assert value(rows, layer=1, metric="knn_top5", setting="k = 5") == 1
    unit = bank[:, 1] / np.linalg.norm(bank[:, 1], axis=1, keepdims=True)
    nearest = (queries[:, 1] @ unit.T).argmax(1)
    assert value(rows, layer=2, metric="knn_top1", setting="k = 1") == pytest.approx((labels[nearest] == np.arange(3)).mean())
    assert {row["facet"] for row in rows} == {"cls"}


def test_retrieval_by_hand():
    # One query (sample 0) along x; database samples 1..4 at growing angles: ranked 1, 2, 3, 4.
    angles = np.radians([0, 10, 20, 30, 40])
    features = np.stack([np.cos(angles), np.sin(angles)], 1)[:, None]
    judged = [Judgement(0, easy=(2,), hard=(4,), junk=(1,))]
    rows = retrieval_rows(features, [1, 2, 3, 4], judged, 0)
    # Easy: 1 and 4 are junk, 2 is first.
    assert value(rows, setting="easy", metric="mean_average_precision") == 1
    # Medium: ranking without 1 is 2, 3, 4; positives at 0 and 2: ((1 + 1) + (1/2 + 2/3)) / 4.
    assert value(rows, setting="medium", metric="mean_average_precision") == pytest.approx((2 + 1 / 2 + 2 / 3) / 4)
    assert value(rows, setting="medium", metric="mean_precision_at_10") == pytest.approx(2 / 3)
    # Hard: without 1 and 2: 3, 4; the positive at rank 1: (0/1 + 1/2) / 2.
    assert value(rows, setting="hard", metric="mean_average_precision") == pytest.approx(0.25)
    assert value(rows, setting="hard", metric="mean_precision_at_1") == 0


def test_a_setup_without_any_positive_has_no_rows():
    features = np.eye(3)[:, None]
    rows = retrieval_rows(features, [1, 2], [Judgement(0, easy=(1,), hard=(), junk=())], 0)
    assert {row["setting"] for row in rows} == {"easy", "medium"}
    assert retrieval_rows(features, [1, 2], [Judgement(0, (), (), (1,))], 0) == []


def test_judgements_lose_images_that_were_skipped():
    row_of = {5: 0, 6: 1, 8: 2}
    judged = [Judgement(5, (6, 7), (8,), ()), Judgement(7, (6,), (), ())]
    assert kept_judgements(judged, row_of) == [Judgement(0, (1,), (2,), ())]


def test_key_points_by_hand():
    # Two pairs of category "b", one of "a"; boxes of 10 px; layer 1 is off by 0, 0.9, 1 and 3 px, layer 2 by 0.
    pairs = {
        "point_pair": np.array([0, 0, 1, 2]),
        "pair_category": np.array([1, 1, 0]),
        "pair_size": np.array([10.0, 10, 10]),
        "point_target": np.array([[5.0, 5], [8, 8], [20, 20], [30, 30]]),
    }
    exact = pairs["point_target"][:, None].repeat(2, 1)
    off = exact.copy()
    off[:, 0, 0] += [0, 0.9, 1, 3]
    rows = keypoint_rows({"pooled_by_category": off, "per_point": off}, pairs, ["a", "b"], [0.1], 0)
    # Exactly at the limit counts by the per-point rule alone.
    assert value(rows, layer=1, setting="thesis rule, b") == pytest.approx(2 / 3)
    assert value(rows, layer=1, setting="thesis rule, a") == 0
    assert value(rows, layer=1, setting="thesis rule") == pytest.approx(1 / 3)
    assert value(rows, layer=1, setting="per-point rule") == pytest.approx(3 / 4)
    assert value(rows, layer=1, setting="per-point rule, b") == 1
    assert value(rows, layer=2, setting="thesis rule") == 1
    assert {row["metric"] for row in rows} == {"pck_0.1"}


def one_hot(masks, channels):
    return np.stack([np.stack([mask == c for c in range(channels)]).reshape(channels, -1) for mask in masks]).astype(float)


def test_true_labels_on_the_grid_score_one_and_empty_ones_nothing():
    truths = np.zeros((5, 32, 32), np.uint8)
    for frame in range(5):
        truths[frame, 8:16, 8 + 4 * frame : 16 + 4 * frame] = 1
    grids = truths[1:, 2::4, 2::4]
    right = one_hot(grids, 2)
    soft = np.stack([right, one_hot(np.zeros_like(grids), 2)], 1)
    scored = score_video(soft, (8, 8), 4, truths)
    assert scored["j_mean"].shape == (2, 1)
    assert scored["j_mean"][0, 0] > 0.75  # corners are rounded by the upsampling
    assert scored["f_mean"][0, 0] == 1
    assert scored["j_mean"][1, 0] == 0
    rows = video_rows([scored, scored], "dense", 0)
    assert value(rows, layer=1, metric="jf_mean") == pytest.approx((scored["j_mean"][0, 0] + 1) / 2)
    assert value(rows, layer=2, metric="j_recall") == 0
    assert {row["higher_is_better"] for row in rows if row["metric"] == "j_decay"} == {False}
    assert {row["n"] for row in rows} == {2}
