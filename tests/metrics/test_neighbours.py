"""Weighted k-NN against a float64 brute force and scikit-learn; ties; chunks; memory maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.neighbours import nearest_neighbours, vote


def unit(features):
    return features / np.linalg.norm(features, axis=-1, keepdims=True)


def brute_places(bank, bank_labels, queries, labels, k, n_classes):
    """Place of each query's label among the classes that got a vote; n_classes without a vote. One layer, float64."""
    places = []
    for query, label in zip(unit(queries.astype(np.float64)), labels, strict=True):
        similarity = [float(query @ item) for item in unit(bank.astype(np.float64))]
        scores = [0.0] * n_classes
        for j in sorted(range(len(similarity)), key=lambda j: (-similarity[j], j))[:k]:
            scores[bank_labels[j]] += np.exp(similarity[j] / 0.07)
        ranked = sorted(range(n_classes), key=lambda c: (-scores[c], c))
        places.append(ranked.index(label) if scores[label] > 0 else n_classes)
    return np.array(places)


def signs(rng, n, layers):
    """Features whose float32 similarities are exact, and often equal."""
    return rng.choice([-1.0, 1.0], (n, layers, 16)).astype(np.float16)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 40), st.integers(1, 70), st.integers(1, 13), st.integers(0, 99))
def test_neighbours_are_exact_ordered_and_independent_of_chunks(m, n, k, bank_rows, query_rows, seed):
    rng = np.random.default_rng(seed)
    bank, queries = signs(rng, m, 2), signs(rng, n, 2)
    similarity, index = nearest_neighbours(bank, queries, k, bank_rows, query_rows)
    assert similarity.shape == index.shape == (2, n, min(k, m))
    assert similarity.dtype == np.float32 and index.dtype == np.int32
    for layer in range(2):
        every = queries[:, layer].astype(float) @ bank[:, layer].astype(float).T / 16
        order = np.argsort(-every, axis=1, kind="stable")[:, :k]
        assert (index[layer] == order).all()
        assert (similarity[layer] == np.take_along_axis(every, order, 1)).all()


@pytest.mark.parametrize(("bank_rows", "k"), [(4096, 7), (300, 7), (64, 20), (11, 50), (999, 200), (1, 3)])
def test_real_features_against_brute_force(bank_rows, k):
    rng = np.random.default_rng(0)
    bank, queries = rng.normal(size=(1000, 3, 24)).astype(np.float32), rng.normal(size=(40, 3, 24)).astype(np.float32)
    similarity, index = nearest_neighbours(bank, queries, k, bank_rows, 16)
    for layer in range(3):
        every = unit(queries[:, layer].astype(float)) @ unit(bank[:, layer].astype(float)).T
        order = np.argsort(-every, axis=1)[:, :k]
        assert np.allclose(similarity[layer], np.take_along_axis(every, order, 1), rtol=0, atol=1e-6)
        assert np.allclose(np.take_along_axis(every, index[layer], 1), similarity[layer], rtol=0, atol=1e-6)
        assert all(len(set(row)) == k for row in index[layer])


def test_a_bank_in_order_of_its_classes():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 8)) * 3
    bank = (np.repeat(centres, 50, axis=0) + rng.normal(size=(500, 8)))[:, None]
    queries = (np.repeat(centres, 3, axis=0)[::-1] + rng.normal(size=(30, 8)))[:, None]
    _, index = nearest_neighbours(bank, queries, 30, bank_rows=60)
    every = unit(queries[:, 0]) @ unit(bank[:, 0]).T
    expected = np.sort(np.argsort(-every, axis=1)[:, :30], axis=1)
    assert (np.sort(index[0], axis=1) == expected).mean() > 0.99


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 999), st.integers(1, 21))
def test_votes_equal_brute_force(m, n, seed, rows):
    rng = np.random.default_rng(seed)
    bank, queries = rng.normal(size=(m, 1, 6)).astype(np.float32), rng.normal(size=(n, 1, 6)).astype(np.float32)
    bank_labels, labels = rng.integers(0, 8, m), rng.integers(0, 8, n)
    ks = [20, 3, 200, 1]
    similarity, index = nearest_neighbours(bank, queries, max(ks))
    votes = vote(similarity[0], bank_labels[index[0]], labels, ks, 8, rows=rows)
    assert list(votes) == ks
    for k in ks:
        places = brute_places(bank[:, 0], bank_labels, queries[:, 0], labels, k, 8)
        top1, top5 = votes[k]
        assert (top1 == (places < 1)).all()
        assert (top5 == (places < min(5, k))).all()
        assert (top5 | ~top1).all()


@pytest.mark.parametrize("k", [10, 20, 100])
def test_scikit_learn_predicts_the_same(k):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 12, 500)
    features = (rng.normal(size=(12, 32))[label] + 2 * rng.normal(size=(500, 32))).astype(np.float32)
    bank, queries = features[:400], features[400:]
    reference = KNeighborsClassifier(k, weights=lambda d: np.exp((1 - d) / 0.07), algorithm="brute", metric="cosine")
    chances = reference.fit(bank.astype(float), label[:400]).predict_proba(queries.astype(float))
    similarity, index = nearest_neighbours(bank[:, None], queries[:, None], k)
    top1, top5 = vote(similarity[0], label[index[0]], label[400:], [k], 12)[k]
    assert (top1 == (chances.argmax(1) == label[400:])).all()
    first_five = np.argsort(-chances, axis=1, kind="stable")[:, :5]
    own = np.take_along_axis(chances, label[400:, None], 1)[:, 0]
    assert (top5 == ((first_five == label[400:, None]).any(1) & (own > 0))).all()
    assert 0.1 < top1.mean() < 0.95


def test_nearest_image_decides_with_one_neighbour():
    bank = np.eye(3)[:, None]
    _, index = nearest_neighbours(bank, bank * 5, 1)
    assert np.array([2, 0, 1])[index[0]].ravel().tolist() == [2, 0, 1]


def test_ties_by_hand():
    # Four copies of one image: the earlier ones are the neighbours.
    bank = np.array([[0.0, 1], [1, 0], [1, 0], [1, 0], [1, 0]])[:, None]
    similarity, index = nearest_neighbours(bank, np.array([[[2.0, 0]]]), 3)
    assert index.tolist() == [[[1, 2, 3]]]
    assert similarity.tolist() == [[[1, 1, 1]]]
    # Classes 4 and 1 have a vote each of the same weight: class 1 comes first.
    equal = np.ones((3, 2), np.float32)
    top1, top5 = vote(equal, np.array([[4, 1]] * 3), np.array([4, 1, 0]), [2], 5)[2]
    assert top1.tolist() == [False, True, False]
    # Class 0 got no vote, although fewer than five classes did. k = 1 leaves one place.
    assert top5.tolist() == [True, True, False]
    one = vote(equal, np.array([[4, 1]] * 3), np.array([4, 1, 0]), [1], 5)[1]
    assert one[0].tolist() == one[1].tolist() == [True, False, False]


def test_the_sixth_class_is_not_among_the_first_five():
    similarity = np.linspace(1, 0.5, 6, dtype=np.float32)[None].repeat(6, 0)
    top1, top5 = vote(similarity, np.arange(6)[None].repeat(6, 0), np.arange(6), [6], 6)[6]
    assert top1.tolist() == [True] + [False] * 5
    assert top5.tolist() == [True] * 5 + [False]


def test_many_weak_votes_beat_a_strong_one():
    similarity = np.array([[0.9, 0.85, 0.85, 0.85]], np.float32)  # exp(0.05 / 0.07) = 2.04 votes
    neighbours = np.array([[0, 1, 1, 1]])
    votes = vote(similarity, neighbours, np.array([1]), [1, 3, 4], 2)
    assert [votes[k][0][0] for k in (1, 3, 4)] == [False, False, True]


def test_fewer_bank_items_than_k_all_vote():
    rng = np.random.default_rng(0)
    bank, query = rng.normal(size=(6, 1, 4)), rng.normal(size=(1, 1, 4))
    similarity, index = nearest_neighbours(bank, query, 200, bank_rows=4)
    assert sorted(index[0, 0]) == list(range(6))
    votes = vote(similarity[0], np.array([0, 0, 0, 1, 1, 2])[index[0]], np.array([0]), [6, 200], 3)
    assert votes[6] == votes[200]


def test_memory_maps_and_readers_are_read_in_slices_and_the_bank_once(tmp_path):
    rng = np.random.default_rng(0)
    bank, queries = rng.normal(size=(100, 2, 8)).astype(np.float16), rng.normal(size=(9, 2, 8)).astype(np.float16)
    for name, values in (("bank", bank), ("queries", queries)):
        np.save(tmp_path / f"{name}.npy", values)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("bank", "queries")]
    expected = nearest_neighbours(bank, queries, 10, bank_rows=30)
    assert all((a == b).all() for a, b in zip(nearest_neighbours(*mapped, 10, bank_rows=30), expected, strict=True))

    class Reader:
        shape = bank.shape
        seen = ()

        def __getitem__(self, rows):
            self.seen += tuple(range(*rows.indices(100)))
            return bank[rows]

    reader = Reader()
    assert all((a == b).all() for a, b in zip(nearest_neighbours(reader, queries, 10, 30), expected, strict=True))
    assert reader.seen == tuple(range(100))
    assert (bank == np.load(tmp_path / "bank.npy")).all()


def test_a_zero_feature_is_similar_to_nothing():
    similarity, index = nearest_neighbours(np.array([[[0.0, 0]], [[1, 0]], [[-1, 0]]]), np.array([[[3.0, 0]]]), 3)
    assert index.tolist() == [[[1, 0, 2]]]
    assert similarity.tolist() == [[[1, 0, -1]]]


def test_features_that_are_not_finite_are_named():
    bank = np.ones((10, 3, 4), np.float16)
    bank[7, 1, 2] = np.inf
    with pytest.raises(AtlasError, match="item 7 at layer 2 are not finite"):
        nearest_neighbours(bank, np.ones((2, 3, 4)), 2, bank_rows=4)
