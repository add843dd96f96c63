"""k-NN classification where bank and queries are the same images."""

import numpy as np
import pytest

from workflow_scripts.metrics.neighbours import nearest_neighbours
from workflow_scripts.studies.thesis.knn import knn_rows


def accuracy(rows, metric="knn_top1"):
    return {(row["layer"], row["setting"]): row["value"] for row in rows if row["metric"] == metric}


def test_an_image_does_not_vote_for_itself():
    features = np.random.default_rng(0).normal(size=(40, 2, 8)).astype(np.float32)
    labels = np.arange(40) % 4
    with_itself = accuracy(knn_rows(features, features, labels, labels, [1], seed=0))
    assert set(with_itself.values()) == {1.0}
    without = accuracy(knn_rows(features, features, labels, labels, [1, 5], seed=0, same=True))
    for layer in (1, 2):
        unit = features[:, layer - 1] / np.linalg.norm(features[:, layer - 1], axis=1, keepdims=True)
        similar = unit @ unit.T
        np.fill_diagonal(similar, -np.inf)
        assert without[layer, "k = 1"] == pytest.approx((labels[similar.argmax(1)] == labels).mean())


def test_equal_images_do_not_bring_one_back_to_itself():
    features = np.ones((6, 1, 3), np.float32)
    labels = np.array([0, 0, 0, 1, 1, 1])
    rows = knn_rows(features, features, labels, labels, [2], seed=0, same=True)
    # Neighbours are the first two others: (1, 2), (0, 2), and (0, 1) for all the rest.
    assert accuracy(rows)[1, "k = 2"] == pytest.approx(0.5)
    assert nearest_neighbours(features, features, 3)[1][0, 5].tolist() == [0, 1, 2]


def test_a_bank_smaller_than_k_has_one_neighbour_less():
    features = np.random.default_rng(1).normal(size=(5, 1, 4)).astype(np.float32)
    rows = knn_rows(features, features, np.arange(5), np.arange(5), [20], seed=0, same=True)
    assert accuracy(rows)[1, "k = 20"] == 0.0  # every class has one image, which has no vote of its own
