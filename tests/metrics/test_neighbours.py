"""Weighted k-NN against a brute force and scikit-learn."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from workflow_scripts.metrics.neighbours import knn_votes, top1_correct


def brute(bank, labels, queries, k, n_classes):
    bank = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    scores = np.zeros((len(queries), n_classes))
    for i, query in enumerate(queries):
        similarity = bank @ (query / np.linalg.norm(query))
        for j in np.argsort(-similarity)[:k]:
            scores[i, labels[j]] += np.exp(similarity[j] / 0.07)
    return scores


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 25), st.integers(1, 30), st.integers(0, 99))
def test_votes_equal_brute_force(m, n, k, seed):
    rng = np.random.default_rng(seed)
    bank, queries = rng.normal(size=(m, 6)), rng.normal(size=(n, 6))
    labels = rng.integers(0, 4, m)
    got = knn_votes(bank, labels, queries, k, 4, chunk=7)
    assert np.allclose(got, brute(bank, labels, queries, k, 4), rtol=1e-6)


def test_prediction_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    bank, queries = rng.normal(size=(300, 8)), rng.normal(size=(100, 8))
    labels = rng.integers(0, 5, 300)
    unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    unit_queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    reference = KNeighborsClassifier(20, weights=lambda d: np.exp((1 - d**2 / 2) / 0.07)).fit(unit, labels)
    predicted = reference.predict(unit_queries)
    assert top1_correct(knn_votes(bank, labels, queries, 20, 5), predicted).mean() > 0.99


def test_nearest_image_decides_with_one_neighbour():
    bank = np.eye(3)
    assert knn_votes(bank, np.array([2, 0, 1]), bank * 5, 1, 3).argmax(1).tolist() == [2, 0, 1]
