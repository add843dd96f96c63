"""Purity, NMI and ARI against loops and scikit-learn, and a partition that depends on its seed alone."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import clustering
from workflow_scripts.metrics.clustering import clustering_scores, kmeans_partition, purity, winner_is_label

partitions = st.lists(st.tuples(st.integers(-2, 4), st.integers(0, 5)), min_size=1, max_size=40).map(lambda p: np.array(p).T)


def brute_purity(true, predicted):
    right = 0
    for cluster in set(predicted.tolist()):
        counts = Counter(true[predicted == cluster].tolist())
        right += max(counts.values())
    return right / len(true)


def blobs(n=300, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 5, n)
    return rng.normal(size=(5, 8))[label] + rng.normal(size=(n, 8)), label


@settings(deadline=None)
@given(partitions)
def test_purity_equals_brute_force_and_keeps_its_bounds(pair):
    true, predicted = pair
    value = purity(true, predicted)
    assert value == pytest.approx(brute_purity(true, predicted))
    assert max(Counter(true.tolist()).values()) / len(true) - 1e-12 <= value <= 1
    assert value == purity(true, 7 - predicted)  # names of clusters say nothing
    assert purity(true, np.zeros_like(true)) == pytest.approx(max(Counter(true.tolist()).values()) / len(true))
    assert purity(true, np.arange(len(true))) == 1


def test_the_smallest_of_equally_frequent_labels_wins():
    true = np.array([9, 9, 4, 4, 7, 90, 3])
    before = true.copy()
    assert winner_is_label(true, np.array([0, 0, 0, 0, 0, 1, 1])).tolist() == [False, False, True, True, False, False, True]
    assert (true == before).all()


def test_purity_by_hand():
    assert purity(np.array([1, 1, 2, 2, 2, 3]), np.array([0, 0, 0, 5, 5, 5])) == pytest.approx(4 / 6)


@settings(deadline=None)
@given(partitions, st.integers(0, 99))
def test_weighted_tables_equal_scikit_learn_with_repeated_samples(pair, seed):
    true, predicted = pair
    times = np.random.default_rng(seed).integers(0, 4, (3, len(true)))
    times[:, 0] = 1
    cells, cell = np.unique(pair, axis=1, return_inverse=True)
    counts = np.array([np.bincount(cell, t, cells.shape[1]) for t in times])
    nmi, ari = clustering.contingency_nmi(cells, counts), clustering.contingency_ari(cells, counts)
    for i, t in enumerate(times):
        repeated = np.repeat(true, t), np.repeat(predicted, t)
        assert nmi[i] == pytest.approx(normalized_mutual_info_score(*repeated), abs=1e-9)
        assert ari[i] == pytest.approx(adjusted_rand_score(*repeated), abs=1e-9)


def test_scores_are_those_of_scikit_learn():
    features, label = blobs()
    predicted = kmeans_partition(features, 6, 0)
    scores = clustering_scores(label, predicted, np.arange(len(label)))
    assert scores["nmi"][0] == pytest.approx(normalized_mutual_info_score(label, predicted))
    assert scores["ari"][0] == pytest.approx(adjusted_rand_score(label, predicted))
    assert scores["purity"][0] == pytest.approx(brute_purity(label, predicted))
    for value, low, high in scores.values():
        assert low < value < high


def test_intervals_hold_the_partition_and_its_winners_fixed():
    rng = np.random.default_rng(0)
    label, predicted = rng.integers(0, 4, 200), rng.integers(0, 5, 200)
    groups = np.sort(rng.integers(0, 40, 200))
    scores = clustering_scores(label, predicted, groups, draws=1500, seed=1)
    names, right = np.unique(groups), winner_is_label(label, predicted)
    drawn = {"purity": [], "nmi": [], "ari": []}
    for _ in range(1500):
        rows = np.concatenate([np.flatnonzero(groups == g) for g in rng.choice(names, len(names))])
        drawn["purity"].append(right[rows].mean())
        drawn["nmi"].append(normalized_mutual_info_score(label[rows], predicted[rows]))
        drawn["ari"].append(adjusted_rand_score(label[rows], predicted[rows]))
    for metric, (value, low, high) in scores.items():
        bounds = np.quantile(drawn[metric], [0.025, 0.975])
        if metric != "purity":
            bounds += value - np.mean(drawn[metric])
        assert np.allclose(bounds, [low, high], atol=0.15 * (high - low))


def test_objects_of_one_image_widen_the_interval():
    rng = np.random.default_rng(0)
    image = np.repeat(np.arange(50), 10)
    label = rng.integers(0, 2, 50)[image]  # all objects of an image are of one class, and all found or none
    predicted = np.where(rng.random(50) < 0.7, label[::10], 1 - label[::10])[image]
    apart, together = (clustering_scores(label, predicted, g) for g in (np.arange(500), image))
    for metric in apart:
        assert together[metric][2] - together[metric][1] > 2 * (apart[metric][2] - apart[metric][1])


def test_an_uninformed_partition_lies_in_its_interval():
    rng = np.random.default_rng(0)
    scores = clustering_scores(rng.integers(0, 20, 500), rng.integers(0, 20, 500), np.arange(500))
    for value, low, high in scores.values():
        assert low < value < high


def test_one_image_has_no_interval():
    scores = clustering_scores(np.array([1, 1, 2]), np.array([0, 1, 1]), np.zeros(3))
    assert all(np.isnan(score[1:]).all() and not np.isnan(score[0]) for score in scores.values())


def test_one_cluster_and_one_class():
    assert clustering_scores(np.ones(10, int), np.zeros(10, int), np.arange(10)) == {
        "purity": (1, 1, 1), "nmi": (1, 1, 1), "ari": (1, 1, 1),
    }  # fmt: skip
    value = clustering_scores(np.arange(10) % 2, np.zeros(10, int), np.arange(10))
    assert value["purity"][0] == 0.5 and value["nmi"] == (0, 0, 0) and value["ari"][0] == 0


def test_the_partition_is_that_of_scikit_learn():
    features, _ = blobs()
    predicted = kmeans_partition(features, 5, seed=3)
    assert (predicted == KMeans(5, n_init=10, random_state=3).fit(features).labels_).all()


def test_equal_seeds_give_equal_partitions_whatever_the_threads():
    features = np.random.default_rng(0).random((2000, 32)).astype(np.float16)
    with threadpool_limits(1):
        one = kmeans_partition(features, 20, seed=0, restarts=2)
    assert (kmeans_partition(features, 20, seed=0, restarts=2) == one).all()
    assert (kmeans_partition(features, 20, seed=1, restarts=2) != one).any()


def test_half_precision_is_widened():
    features = blobs()[0].astype(np.float16)
    assert (kmeans_partition(features, 5, 0) == kmeans_partition(features.astype(np.float32), 5, 0)).all()


def test_restarts_find_a_better_partition():
    features = np.random.default_rng(0).random((400, 16))

    def inertia(labels):
        return sum(((features[labels == c] - features[labels == c].mean(0)) ** 2).sum() for c in np.unique(labels))

    assert inertia(kmeans_partition(features, 30, 0)) < inertia(kmeans_partition(features, 30, 0, restarts=1))


def test_more_clusters_than_samples_are_refused():
    with pytest.raises(AtlasError, match=r"k = 5 clusters of n = 4 samples"):
        kmeans_partition(np.zeros((4, 2)), 5, 0)
    assert sorted(kmeans_partition(np.eye(4), 4, 0)) == [0, 1, 2, 3]


@pytest.mark.filterwarnings("error")
def test_constant_features_are_one_cluster():
    assert len(set(kmeans_partition(np.ones((50, 4), np.float16), 5, 0))) == 1
