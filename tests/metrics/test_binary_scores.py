"""Balanced scores against a resampling that balances for real, against loops, and by hand at every zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from workflow_scripts.metrics.binary_scores import balanced_scores, decision_counts, macro_averages


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
def test_they_are_the_plain_scores_once_both_classes_weigh_alike(positives, negatives, seed):
    rng = np.random.default_rng(seed)
    truth = np.array([True] * positives + [False] * negatives)
    said = rng.random(len(truth)) < 0.5
    counts = decision_counts(said[:, None], np.stack([truth, ~truth], 1))[0]
    scores = balanced_scores(counts)
    weight = np.where(truth, 1 / positives, 1 / negatives)
    arguments = {"y_true": truth, "y_pred": said, "sample_weight": weight}
    assert scores["accuracy"] == pytest.approx(accuracy_score(**arguments))
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert scores[name] == pytest.approx(score(**arguments, zero_division=0))


def test_table_1_of_the_study_follows_from_its_precision_and_recall():
    """Rows 2 and 3: precision .997 with recall .884 and .894 gives accuracy .941 and .946."""
    for recall, accuracy in ((0.884, 0.941), (0.894, 0.946)):
        false_alarms = recall * (1 - 0.997) / 0.997
        scores = balanced_scores([recall * 1e6, 1e6, false_alarms * 1e6, 1e6])
        assert scores["precision"] == pytest.approx(0.997)
        assert scores["accuracy"] == pytest.approx(accuracy, abs=6e-4)


@pytest.mark.parametrize(
    ("counts", "accuracy", "precision", "recall", "f1"),
    [
        ([0, 3, 0, 5], 0.5, 0, 0, 0),  # nothing is said to be positive: precision 0 / 0
        ([0, 3, 5, 5], 0, 0, 0, 0),  # all is wrong: F1 0 / 0
        ([0, 0, 1, 4], 0.375, 0, 0, 0),  # no positives: recall 0 / 0
        ([2, 4, 0, 0], 0.75, 1, 0.5, 2 / 3),  # no negatives: their rate 0 / 0
        ([1, 4, 1, 8], 0.5625, 2 / 3, 0.25, 4 / 11),
    ],
)
def test_by_hand(counts, accuracy, precision, recall, f1):
    scores = balanced_scores(np.array(counts))
    assert list(scores.values()) == pytest.approx([accuracy, precision, recall, f1])


@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 999))
def test_counts_equal_loops_over_labelled_objects_and_add_up(n, c, seed):
    rng = np.random.default_rng(seed)
    predicted, labels = rng.random((2, n, c)) < 0.4
    expected = np.zeros((c, 4), int)
    for said, has in zip(predicted, labels, strict=True):
        for concept in range(c) if has.any() else []:
            expected[concept, 1 if has[concept] else 3] += 1
            expected[concept, 0 if has[concept] else 2] += said[concept]
    np.testing.assert_array_equal(decision_counts(predicted, labels), expected)
    parts = [decision_counts(predicted[rows], labels[rows]) for rows in (slice(0, n // 2), slice(n // 2, n))]
    np.testing.assert_array_equal(sum(parts), expected)


def test_f1_is_averaged_over_concepts_and_not_made_of_averages():
    averages = macro_averages(np.array([[4, 4, 0, 4], [0, 4, 0, 4]]))
    assert averages["precision"] == averages["recall"] == 0.5 and averages["f1"] == 0.5
    uneven = macro_averages(np.array([[4, 4, 4, 4], [1, 4, 0, 4]]))
    assert uneven["f1"] == pytest.approx((2 / 3 + 0.4) / 2)
    made = 2 * uneven["precision"] * uneven["recall"] / (uneven["precision"] + uneven["recall"])
    assert uneven["f1"] < made - 0.1
