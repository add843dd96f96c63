"""Confusions against loops over pixels, scores against scikit-learn, absent classes by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, jaccard_score

from workflow_scripts.metrics.segmentation_scores import (
    image_confusions,
    largest_share,
    patch_counts,
    segmentation_scores,
)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 999))
def test_pixels_of_cells_count_as_pixels_do(images, patches, seed):
    """Cells of different size, with void pixels; scores over all images at once."""
    rng = np.random.default_rng(seed)
    classes = 4
    cell = np.sort(rng.integers(0, patches, (images, 50)), 1)
    true = rng.integers(0, classes + 1, (images, 50))  # class 4 is void
    predicted = rng.integers(0, classes, (images, patches))
    counts, expected = np.zeros((images, patches, classes), int), np.zeros((images, classes, classes), int)
    for image in range(images):
        for where, label in zip(cell[image], true[image], strict=True):
            if label < classes:
                counts[image, where, label] += 1
                expected[image, predicted[image, where], label] += 1
    confusions = image_confusions(predicted, counts)
    np.testing.assert_array_equal(confusions, expected)
    said, is_, seen = np.take_along_axis(predicted, cell, 1).ravel(), true.ravel(), true.ravel() < classes
    said, is_ = said[seen], is_[seen]
    scores = segmentation_scores(confusions.sum(0))
    if not seen.any():
        assert np.isnan([scores.accuracy, scores.mean_iou]).all()
        return
    present = sorted({*said, *is_})
    assert scores.accuracy == pytest.approx(accuracy_score(is_, said))
    assert scores.mean_iou == pytest.approx(jaccard_score(is_, said, labels=present, average="macro", zero_division=0))
    per_class = jaccard_score(is_, said, labels=present, average=None, zero_division=0)
    np.testing.assert_allclose(scores.iou[present], per_class)
    assert np.isnan(np.delete(scores.iou, present)).all()
    assert largest_share(confusions.sum(0)) == pytest.approx(np.bincount(said).max() / len(said))


def test_a_patch_counts_once_for_its_majority_and_void_not_at_all():
    counts = patch_counts(np.array([[0, 2, 255, 1]]), 3)
    assert counts.tolist() == [[[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]]]
    confusion = image_confusions(np.array([[0, 1, 1, 1]]), counts).sum(0)
    assert confusion.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert segmentation_scores(confusion).accuracy == pytest.approx(2 / 3)


def test_absent_classes_by_hand():
    """Class 1 occurs and is never predicted, class 2 is predicted and never occurs: both are 0. Class 3 is left out."""
    confusion = np.zeros((4, 4), int)
    confusion[0, :2] = 6, 2
    confusion[2, 0] = 2
    scores = segmentation_scores(confusion)
    assert scores.iou[:3].tolist() == [0.6, 0, 0] and np.isnan(scores.iou[3])
    assert scores.mean_iou == pytest.approx(0.2) and scores.accuracy == 0.6
    assert largest_share(confusion) == 0.8


def test_the_mean_is_of_one_confusion_and_not_of_images():
    one, other = np.array([[8, 0], [0, 2]]), np.array([[0, 10], [0, 0]])
    assert segmentation_scores(one + other).iou.tolist() == pytest.approx([8 / 18, 2 / 12])


def test_without_pixels_nothing_is_scored():
    assert np.isnan(largest_share(np.zeros((3, 3), int)))
