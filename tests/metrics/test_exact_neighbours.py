"""Exact 1-NN against brute force and scikit-learn; ties of any number; removed features against searches without them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import exact_neighbours as module
from workflow_scripts.metrics.exact_neighbours import COSINE, EUCLIDEAN, METRICS, nearest, nearest_without

SMALL = {"cpu": module._Sizes(13, 5, 70)}


def distances(gallery, queries, metric):
    """All distances [n, N] in float64, by their definition."""
    gallery, queries = gallery.astype(np.float64), queries.astype(np.float64)
    if metric == EUCLIDEAN:
        return np.sqrt(((queries[:, None] - gallery[None]) ** 2).sum(-1))
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(gallery, axis=1)
    return 1 - np.divide(queries @ gallery.T, lengths, out=np.zeros_like(lengths), where=lengths > 0)


def signs(rng, n, width=16):
    """Features whose distances are exact in any precision, and often equal."""
    return rng.choice([-1.0, 1.0], (n, width)).astype(np.float16)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 300), st.integers(1, 30), st.sampled_from(METRICS), st.sampled_from([4, 16]), st.integers(0, 999))
def test_the_first_of_equally_near_items_is_the_nearest(n_gallery, n_queries, metric, width, seed):
    rng = np.random.default_rng(seed)
    gallery, queries = signs(rng, n_gallery, width), signs(rng, n_queries, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SIZES", SMALL)
        index, distance = nearest(gallery, queries, metric)
    every = distances(gallery, queries, metric)
    assert index.dtype == np.int64 and distance.dtype == np.float64
    np.testing.assert_array_equal(index, every.argmin(1))  # NumPy's argmin is the first
    np.testing.assert_allclose(distance, every.min(1), atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_equals_beyond_the_fourth_are_decided_too(metric):
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(9, 40)).astype(np.float32)
    others = queries[:, None] + rng.normal(size=(9, 30, 40)).astype(np.float32)
    gallery = np.concatenate([others.reshape(-1, 40), *[queries + np.float32(0.01)] * 20])  # twenty copies of each nearest
    index, _ = nearest(gallery, queries, metric)
    assert index.tolist() == list(range(270, 279))


@pytest.mark.parametrize("metric", METRICS)
def test_what_float32_cannot_tell_apart_is_told_apart(metric):
    """Two far clusters, each closer together than products in float32 are exact."""
    rng = np.random.default_rng(1)
    gallery, queries = (
        (100 * rng.choice([-1, 1], (n, 1)) + 1e-3 * rng.normal(size=(n, 60))).astype(np.float32) for n in (500, 40)
    )
    every = distances(gallery, queries, metric)
    if metric == EUCLIDEAN:
        rough = (gallery**2).sum(1) - 2 * queries @ gallery.T
        assert (rough.argmin(1) != every.argmin(1)).mean() > 0.5
    index, distance = nearest(gallery, queries, metric)
    np.testing.assert_array_equal(index, every.argmin(1))
    np.testing.assert_allclose(distance, every.min(1), rtol=1e-7 if metric == EUCLIDEAN else 1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_few_are_measured_even_where_all_are_alike(metric, monkeypatch):
    """Or the search of a model whose features hardly differ would take a hundred times as long."""
    rng = np.random.default_rng(1)
    gallery, queries = ((10 + 0.05 * rng.normal(size=(n, 60))).astype(np.float16) for n in (500, 40))
    measure, pairs = module._Search._measure, []
    monkeypatch.setattr(module._Search, "_measure", lambda *of: (pairs.append(len(of[2])), measure(*of))[1])
    index, _ = nearest(gallery, queries, metric)
    np.testing.assert_array_equal(index, distances(gallery, queries, metric).argmin(1))
    assert sum(pairs) < 40 * 8


@pytest.mark.parametrize(("metric", "name"), [(EUCLIDEAN, "euclidean"), (COSINE, "cosine")])
def test_scikit_learn_predicts_the_same(metric, name):
    rng = np.random.default_rng(0)
    label = rng.integers(0, 12, 1100)
    features = (rng.normal(size=(12, 24))[label] + 1.5 * rng.normal(size=(1100, 24))).astype(np.float16)
    gallery, queries = features[:1000], features[1000:]
    reference = KNeighborsClassifier(1, algorithm="brute", metric=name).fit(gallery.astype(float), label[:1000])
    index, _ = nearest(gallery, queries, metric)
    predicted = label[:1000][index]
    np.testing.assert_array_equal(predicted, reference.predict(queries.astype(float)))
    assert 0.2 < (predicted == label[1000:]).mean() < 0.95


@pytest.mark.parametrize("metric", METRICS)
def test_all_numbers_of_removed_features_are_searches_without_them(metric, monkeypatch):
    """With variances from 10 000 to 1/10 000, as of the features that are to be removed."""
    rng = np.random.default_rng(2)
    deviation = np.logspace(2, -2, 50)[rng.permutation(50)]
    gallery, queries = ((3 + rng.normal(size=(n, 50)) * deviation).astype(np.float32) for n in (700, 60))
    gallery[350:] = gallery[:350]  # every item twice
    order, counts = np.argsort(-deviation), [20, 0, 1, 45, 49, 20, 5]
    monkeypatch.setattr(module, "_SIZES", SMALL)
    index, distance = nearest_without(gallery, queries, order, counts, metric)
    assert index.shape == distance.shape == (7, 60)
    for place, count in enumerate(counts):
        kept = np.sort(order[count:])
        alone = nearest(np.ascontiguousarray(gallery[:, kept]), queries[:, kept], metric)
        np.testing.assert_array_equal(index[place], alone[0])
        np.testing.assert_allclose(distance[place], alone[1], rtol=1e-12, atol=1e-15)
        every = distances(gallery[:, kept], queries[:, kept], metric)
        np.testing.assert_allclose(distance[place], every.min(1), rtol=1e-7, atol=1e-12)
        if kept.size > 1 or metric == EUCLIDEAN:  # cosines of one number are 1 or -1, but for rounding
            np.testing.assert_array_equal(index[place], every[:, :350].argmin(1))
    assert (index[1] != index[3]).mean() > 0.5


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 120), st.lists(st.integers(0, 7), min_size=1, max_size=6), st.sampled_from(METRICS), st.integers(0, 999))
def test_removed_features_and_ties(n_gallery, counts, metric, seed):
    rng = np.random.default_rng(seed)
    gallery, queries, order = signs(rng, n_gallery, 8), signs(rng, 11, 8), rng.permutation(8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SIZES", SMALL)
        index, distance = nearest_without(gallery, queries, order, counts, metric)
    for place, count in enumerate(counts):
        kept = np.sort(order[count:])
        every = distances(gallery[:, kept], queries[:, kept], metric)
        # Equal in exact arithmetic: as many signs agree.
        np.testing.assert_array_equal(index[place], (queries[:, kept] @ gallery[:, kept].T).argmax(1))
        np.testing.assert_allclose(distance[place], every.min(1), atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_the_own_group_is_no_neighbour(metric, monkeypatch):
    rng = np.random.default_rng(3)
    features = rng.normal(size=(200, 12)).astype(np.float32)
    features[120:] = features[:80]
    image = np.arange(200) // 10
    monkeypatch.setattr(module, "_SIZES", SMALL)
    index, _ = nearest(features, features, metric, groups=(image, image))
    every = np.where(image[:, None] == image, np.inf, distances(features, features, metric))
    np.testing.assert_array_equal(index, every.argmin(1))
    assert (index[:80] == np.arange(120, 200)).all()
    with pytest.raises(AtlasError, match="all of the gallery is of the image of query 3; choose"):
        nearest(features[:10], features[:12], metric, groups=(np.zeros(10), np.array([1, 1, 1, 0] + [1] * 8)))


def test_a_feature_of_length_zero_has_cosine_zero():
    gallery, queries = np.array([[0, 0], [-1, 0], [2, 1]], np.float32), np.array([[0, 0], [0, -1]], np.float32)
    index, distance = nearest(gallery, queries, COSINE)
    assert index.tolist() == [0, 0] and distance.tolist() == [1, 1]


def test_memory_maps_are_read_in_blocks(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    gallery, queries = rng.normal(size=(300, 2, 8)).astype(np.float16), rng.normal(size=(40, 2, 8)).astype(np.float16)
    np.save(tmp_path / "gallery.npy", gallery)
    expected = nearest(gallery[:, 1], queries[:, 1])
    monkeypatch.setattr(module, "_SIZES", SMALL)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    found = nearest(mapped[:, 1], queries[:, 1])
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("metric", METRICS)
def test_the_gpu_finds_the_same(metric):
    rng = np.random.default_rng(4)
    gallery, queries = rng.normal(size=(5000, 64)).astype(np.float16), rng.normal(size=(300, 64)).astype(np.float16)
    order = rng.permutation(64)
    cpu, gpu = (nearest_without(gallery, queries, order, [0, 8, 50], metric, device) for device in ("cpu", "cuda"))
    np.testing.assert_array_equal(cpu[0], gpu[0])
    np.testing.assert_allclose(cpu[1], gpu[1], rtol=1e-12)


def test_what_cannot_be_compared_is_said_in_a_line():
    gallery, queries = np.ones((10, 4), np.float16), np.ones((9, 4), np.float16)
    with pytest.raises(AtlasError, match="queries have 4 features, the gallery 3; compare features of one model"):
        nearest(gallery[:, :3], queries)
    with pytest.raises(AtlasError, match="the gallery is empty"):
        nearest(gallery[:0], queries)
    with pytest.raises(AtlasError, match="4 of 4 features cannot be removed; give numbers from 0 to 3"):
        nearest_without(gallery, queries, np.arange(4), [0, 4])
    queries[7, 1] = np.nan
    with pytest.raises(AtlasError, match="features of query 7 are not finite"):
        nearest(gallery, queries)
    gallery[2, 3] = np.inf
    with pytest.raises(AtlasError, match="features of gallery patch 2 are not finite"):
        nearest(gallery, queries[:5])


def test_a_search_gives_pytorch_its_threads_back():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        nearest(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32))
        assert torch.get_num_threads() == 2
        with pytest.raises(AtlasError):
            nearest(np.eye(3, dtype=np.float32), np.full((1, 3), np.nan, np.float32))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
