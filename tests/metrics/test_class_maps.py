"""Matching of clusters with classes and IoU against all permutations, loops and scikit-learn."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix, jaccard_score

from workflow_scripts.metrics.class_maps import (
    LEFT_OVER,
    class_iou,
    confusion,
    match_clusters,
    match_one_to_one,
    mean_iou,
    part_purity,
    resampled_iou,
)

square = st.integers(1, 5).flatmap(lambda k: arrays(np.float64, (k, k), elements=st.integers(0, 50)))
wide = st.tuples(st.integers(2, 4), st.integers(0, 4)).flatmap(
    lambda s: arrays(np.float64, (s[0] + s[1], s[0]), elements=st.integers(0, 50))
)


@given(square)
def test_the_matching_is_the_best_of_all_permutations(counts):
    classes = range(len(counts))
    best = max(sum(counts[k, c] for k, c in enumerate(order)) for order in permutations(classes))
    named = match_clusters(counts)
    assert sorted(named) == list(classes)
    assert counts[np.arange(len(counts)), named].sum() == best


def test_overlap_is_matched_and_not_iou():
    # By IoU the other way round: cluster 1 is small and pure in class 0.
    counts = np.array([[60.0, 55.0], [40.0, 0.0]])
    assert match_clusters(counts).tolist() == [1, 0]
    counts = np.array([[90.0, 30.0], [10.0, 0.0]])
    assert match_clusters(counts).tolist() == [0, 1]


@given(square, st.randoms(use_true_random=False))
def test_names_of_clusters_say_nothing(counts, random):
    order = list(range(len(counts)))
    random.shuffle(order)
    # Distinct counts, so that there is one best matching.
    counts = counts + np.random.default_rng(0).random(counts.shape) / 100
    shuffled = counts[order]
    assert match_clusters(shuffled).tolist() == match_clusters(counts)[order].tolist()
    assert mean_iou(shuffled, match_clusters(shuffled)) == pytest.approx(mean_iou(counts, match_clusters(counts)), nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60))
def test_iou_equals_loops_over_pixels_and_scikit_learn(pixels):
    predicted, true = np.array(pixels).T
    counts = np.zeros((4, 4))
    np.add.at(counts, (predicted, true), 1)
    named = match_clusters(counts)
    renamed = named[predicted]
    assert np.array_equal(confusion(counts, named), confusion_matrix(renamed, true, labels=range(4)))
    expected = []
    for c in range(4):
        union = sum(a == c or b == c for a, b in zip(renamed, true, strict=True))
        both = sum(a == c and b == c for a, b in zip(renamed, true, strict=True))
        expected.append(both / union if union else np.nan)
    assert class_iou(counts, named) == pytest.approx(np.array(expected), nan_ok=True)
    present = sorted(set(renamed) | set(true))
    assert mean_iou(counts, named) == pytest.approx(
        jaccard_score(true, renamed, labels=present, average="macro", zero_division=0)
    )


@given(wide)
def test_left_over_clusters_join_the_class_that_they_overlap_most(counts):
    named = match_clusters(counts)
    classes = counts.shape[1]
    assert set(range(classes)) <= set(named)  # every class has a cluster of its own
    best = max(sum(counts[k, c] for c, k in enumerate(chosen)) for chosen in permutations(range(len(counts)), classes))
    assert counts[np.arange(len(counts)), named].sum() >= best
    for cluster in range(len(counts)):
        own = named[cluster]
        if own == LEFT_OVER:
            assert not counts[cluster].any()
    strayed = [k for k in range(len(counts)) if named[k] >= 0 and counts[k, named[k]] < counts[k].max()]
    assert len(strayed) <= classes  # only what stands one to one may stand for another class than its largest


def test_a_class_that_never_occurs_counts_if_it_is_predicted_and_only_then():
    counts = np.array([[10.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 5.0, 0.0]])
    iou = class_iou(counts, match_clusters(counts))
    assert iou.tolist() == [1.0, 0.5, 0.0]  # one of two equal clusters is named after the class that never occurs
    assert mean_iou(counts, match_clusters(counts)) == pytest.approx(0.5)
    empty = np.array([[10.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 0.0]])
    iou = class_iou(empty, match_clusters(empty))
    assert iou[:2].tolist() == [1.0, 1.0] and np.isnan(iou[2])
    assert mean_iou(empty, match_clusters(empty)) == 1.0


def test_a_cluster_without_pixels_costs_its_class():
    counts = np.array([[6.0, 4.0], [0.0, 0.0]])
    assert match_clusters(counts).tolist() == [0, 1]
    assert class_iou(counts, match_clusters(counts)).tolist() == [0.6, 0.0]


def test_fewer_clusters_than_classes_leave_classes_without_one():
    counts = np.array([[6.0, 4.0, 1.0]])
    assert match_clusters(counts).tolist() == [0]
    assert class_iou(counts, match_clusters(counts)).tolist() == [6 / 11, 0.0, 0.0]


def test_images_that_are_all_void_give_no_score():
    counts = np.zeros((3, 3))
    assert np.isnan(class_iou(counts, match_clusters(counts))).all()
    assert np.isnan(mean_iou(counts, match_clusters(counts)))


@given(wide)
def test_one_to_one_leaves_clusters_over_which_then_join_the_class_of_most_overlap(counts):
    alone, joined = match_one_to_one(counts), match_clusters(counts)
    kept = alone != LEFT_OVER
    assert sorted(alone[kept]) == list(range(counts.shape[1]))
    assert np.array_equal(joined[kept], alone[kept])
    for cluster in np.flatnonzero(~kept):
        assert joined[cluster] == (counts[cluster].argmax() if counts[cluster].any() else LEFT_OVER)


def test_pixels_of_clusters_without_a_class_are_missed_one_to_one_and_counted_merged():
    counts = np.array([[6.0, 0.0], [4.0, 0.0], [0.0, 10.0]])
    assert mean_iou(counts, match_one_to_one(counts)) == pytest.approx((0.6 + 1) / 2)
    assert mean_iou(counts, match_clusters(counts)) == 1


def test_every_resample_is_matched_anew():
    draws = np.array([[[9.0, 1.0], [0.0, 5.0]], [[1.0, 9.0], [5.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    means, classes = resampled_iou(draws, match_one_to_one)
    assert means[:2] == pytest.approx([(0.9 + 5 / 6) / 2] * 2)
    assert classes[0] == pytest.approx([0.9, 5 / 6]) and classes[1] == pytest.approx([5 / 6, 0.9])
    assert np.isnan(means[2]) and np.isnan(classes[2]).all()


def test_purity_is_the_share_of_the_most_frequent_class():
    assert part_purity(np.array([[3.0, 1.0], [2.0, 4.0], [0.0, 0.0]])) == 0.7
    assert np.isnan(part_purity(np.zeros((2, 3))))
