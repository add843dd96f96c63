"""Minibatch CKA against HSIC1 with its sums written out, and what CKA must not depend on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.similarity import centred_blocks, cka, cka_intervals, hsic


def brute_hsic(k, l):  # noqa: E741
    """Song et al. 2012, equation 4, in float64: k and l with the diagonal set to 0."""
    n = len(k)
    k, l = k.copy(), l.copy()  # noqa: E741
    for i in range(n):
        k[i, i] = l[i, i] = 0
    trace = sum(k[i, j] * l[j, i] for i in range(n) for j in range(n))
    product = sum(k[i, j] for i in range(n) for j in range(n)) * sum(l[i, j] for i in range(n) for j in range(n))
    chain = sum(k[i, j] * l[j, m] for i in range(n) for j in range(n) for m in range(n))
    return (trace + product / ((n - 1) * (n - 2)) - 2 / (n - 2) * chain) / (n * (n - 3))


def brute_cka(x, y, size, minmax):
    """CKA of features [n, D] in blocks of `size` images; a last block of fewer than four is left out."""
    sums = np.zeros(3)
    for start in range(0, len(x), size):
        grams = [np.array([[float(p @ q) for q in f] for p in f]) for f in (x[start : start + size], y[start : start + size])]
        if len(grams[0]) < 4:
            continue
        if minmax:
            grams = [(k - k.min()) / (k.max() - k.min()) for k in grams]
        k, l = grams  # noqa: E741
        sums += [brute_hsic(k, l), brute_hsic(k, k), brute_hsic(l, l)]
    return sums[0] / np.sqrt(sums[1] * sums[2])


def blocks_of(features, size=8, dtype=np.float64):
    """Gram blocks [n_blocks, S, size, size] of a list of features [n, D]; what is missing is NaN."""
    count = len(features[0])
    blocks = np.full((-(-count // size), len(features), size, size), np.nan, dtype)
    for site, x in enumerate(features):
        for b, start in enumerate(range(0, count, size)):
            part = x[start : start + size].astype(dtype)
            blocks[b, site, : len(part), : len(part)] = part @ part.T
    return blocks


def random_sites(rng, count, widths):
    common = rng.normal(size=(count, 5))
    return [common @ rng.normal(size=(5, width)) + rng.normal(size=(count, width)) + rng.normal() for width in widths]


@pytest.mark.parametrize("minmax", [True, False])
@pytest.mark.parametrize("count", [16, 20, 21, 18, 4])
def test_equals_brute_force_with_unequal_widths_and_a_short_block(minmax, count):
    sites = random_sites(np.random.default_rng(count), count, [3, 17, 40])
    vectors = centred_blocks(blocks_of(sites), minmax)
    assert vectors.shape == (3, count // 8 + (count % 8 >= 4), 28)
    expected = [[brute_cka(x, y, 8, minmax) for y in sites] for x in sites]
    assert np.allclose(cka(vectors, vectors), expected, rtol=0, atol=1e-12)
    assert np.allclose(cka(vectors[:1], vectors), expected[:1], rtol=0, atol=1e-12)


def test_a_dot_product_is_hsic():
    x, y = random_sites(np.random.default_rng(0), 6, [4, 9])
    a, b = centred_blocks(blocks_of([x], 6), False), centred_blocks(blocks_of([y], 6), False)
    assert hsic(a, b)[0, 0] == pytest.approx(brute_hsic(x @ x.T, y @ y.T), rel=1e-12)


def test_a_case_by_hand():
    # Two pairs of equal one-hot images against two other pairs of them: off the diagonal, K has ones at (0, 1) and (2, 3),
    # L at (0, 2) and (1, 3). tr(KK) = 4, tr(KL) = 0, 1'K1 = 1'L1 = 4, 1'KL1 = 1'KK1 = 4, N = 4, so that
    # HSIC1(K, K) = (4 + 16 / 6 - 4) / 4 = 2 / 3 and HSIC1(K, L) = (0 + 16 / 6 - 4) / 4 = -1 / 3.
    x, y = np.eye(2)[[0, 0, 1, 1]], np.eye(2)[[0, 1, 0, 1]]
    vectors = centred_blocks(blocks_of([x, y], 4), False)
    assert np.allclose(hsic(vectors, vectors), [[2 / 3, -1 / 3], [-1 / 3, 2 / 3]])
    assert np.allclose(cka(vectors, vectors), [[1, -1 / 2], [-1 / 2, 1]])


def test_rounding_that_is_not_symmetric_counts_as_in_the_formula():
    rng = np.random.default_rng(0)
    blocks = blocks_of(random_sites(rng, 24, [5, 9]))
    blocks += 1e-3 * rng.normal(size=blocks.shape)
    vectors = centred_blocks(blocks, False)
    for block, grams in enumerate(blocks):
        others = [np.where(np.eye(8, dtype=bool), 0, k) for k in grams]
        for i, k in enumerate(others):
            centred = k - (k.sum(1)[:, None] + k.sum(1)) / 6 + k.sum() / 42
            assert np.allclose(vectors[i, block], centred[np.triu_indices(8, 1)] * np.sqrt(2 / 40), rtol=0, atol=1e-12)


@pytest.mark.parametrize("minmax", [True, False])
def test_float32_gram_blocks_are_enough(minmax):
    rng = np.random.default_rng(3)
    sites = [x + 30 for x in random_sites(rng, 80, [64, 200])]  # far from centred, as features are
    exact, single = (centred_blocks(blocks_of(sites, dtype=t), minmax) for t in (np.float64, np.float32))
    assert np.allclose(cka(single, single), cka(exact, exact), rtol=0, atol=1e-5)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 9999), st.integers(1, 12), st.floats(1e-3, 1e3), st.sampled_from([16, 13]))
def test_plain_cka_ignores_rotation_scale_and_order_of_arguments(seed, width, scale, count):
    rng = np.random.default_rng(seed)
    x, y = random_sites(rng, count, [width, 7])
    rotation = np.linalg.qr(rng.normal(size=(width, width)))[0]
    a, turned, b = (centred_blocks(blocks_of([f]), False) for f in (x, scale * x @ rotation, y))
    assert np.allclose(cka(turned, b), cka(a, b), atol=1e-8)
    assert np.allclose(cka(b, a), cka(a, b).T, rtol=1e-14)
    assert np.allclose(np.diag(cka(a, a)), 1)
    assert (np.abs(cka(a, b)) <= 1 + 1e-12).all()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 9999), st.integers(4, 30))
def test_one_block_of_any_size_agrees_with_the_formula(seed, count):
    x, y = random_sites(np.random.default_rng(seed), count, [6, 2])
    for minmax in (True, False):
        a, b = (centred_blocks(blocks_of([f], count), minmax) for f in (x, y))
        assert cka(a, b)[0, 0] == pytest.approx(brute_cka(x, y, count, minmax), abs=1e-9)


def test_independent_features_are_about_zero_on_average():
    rng = np.random.default_rng(0)
    vectors = centred_blocks(blocks_of([rng.normal(size=(4000, 50)), rng.normal(size=(4000, 50))]), False)
    assert abs(cka(vectors, vectors)[0, 1]) < 0.02


def test_minmax_weighs_blocks_and_plain_does_not():
    x, y = random_sites(np.random.default_rng(1), 24, [5, 5])
    uneven = x * np.repeat([1, 10, 1], 8)[:, None]
    for minmax, same in ((True, True), (False, False)):
        a, c, b = (centred_blocks(blocks_of([f]), minmax) for f in (x, uneven, y))
        assert (abs(cka(a, b) - cka(c, b))[0, 0] < 1e-12) == same


@pytest.mark.parametrize("minmax", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_features_have_no_similarity(minmax, dtype):
    x = np.random.default_rng(0).normal(size=(20, 300))
    constant = np.broadcast_to(x[:1] * 1e3, x.shape)
    vectors = centred_blocks(blocks_of([x, constant], dtype=dtype), minmax)
    assert (vectors[1] == 0).all()
    assert np.isnan(cka(vectors, vectors)).tolist() == [[False, True], [True, True]]
    low, high = cka_intervals(vectors, vectors, [(0, 0), (0, 1)])
    assert np.isnan(low).tolist() == np.isnan(high).tolist() == [False, True]


def test_one_constant_block_counts_as_zero():
    x = np.random.default_rng(0).normal(size=(24, 6))
    x[8:16] = x[8]
    vectors = centred_blocks(blocks_of([x]), True)
    assert (vectors[0, 1] == 0).all()
    first, _, last = (hsic(v, v)[0, 0] for v in vectors[0][:, None, None])
    assert hsic(vectors, vectors)[0, 0] == pytest.approx((first + last) / 3)


def test_the_input_stays_as_it_is():
    blocks = blocks_of(random_sites(np.random.default_rng(0), 20, [5]))
    before = blocks.copy()
    centred_blocks(blocks, True)
    assert np.array_equal(blocks, before, equal_nan=True)


def test_an_overflow_in_a_short_block_is_named():
    blocks = blocks_of(random_sites(np.random.default_rng(0), 22, [5, 5]))
    blocks[2, 1, 4, 2] = blocks[2, 1, 2, 4] = np.inf
    with pytest.raises(AtlasError, match="Gram block 2 of site 1 has values"):
        centred_blocks(blocks, True)
    blocks = blocks_of(random_sites(np.random.default_rng(0), 24, [5, 5]))
    blocks[2, :, 5] = blocks[2, :, :, 5] = np.nan  # an image in the middle, not the missing ones at the end
    with pytest.raises(AtlasError, match="Gram block 2 of site 0 has values"):
        centred_blocks(blocks, True)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_fewer_than_four_images_are_refused(count):
    blocks = blocks_of([np.ones((count, 2))])
    with pytest.raises(AtlasError, match=f"has {count} images, at least 4 are needed"):
        centred_blocks(blocks, True)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("site", [0, 1])
def test_an_overflow_is_named(bad, site):
    blocks = blocks_of(random_sites(np.random.default_rng(0), 20, [5, 5]))
    blocks[1, site, 3, :] = bad
    blocks[1, site, :, 3] = bad
    with pytest.raises(AtlasError, match=f"Gram block 1 of site {site} has values that are not finite"):
        centred_blocks(blocks, False)


def test_different_images_are_refused():
    a, b = (centred_blocks(blocks_of([np.random.default_rng(0).normal(size=(n, 3))]), False) for n in (16, 24))
    with pytest.raises(ValueError, match="blocks of images differ"):
        cka(a, b)


def test_intervals_are_those_of_resampled_blocks():
    rng = np.random.default_rng(5)
    vectors = centred_blocks(blocks_of(random_sites(rng, 400, [6, 9, 4])), True)
    pairs = [(0, 1), (2, 0), (1, 1)]
    low, high = cka_intervals(vectors, vectors, pairs, draws=400)
    drawn = []
    for _ in range(400):
        part = vectors[:, rng.integers(0, 50, 50)]
        drawn.append([cka(part, part)[i, j] for i, j in pairs])
    assert np.allclose(np.quantile(drawn, [0.025, 0.975], axis=0), [low, high], atol=0.03)
    value = cka(vectors, vectors)
    assert all(low[p] <= value[i, j] <= high[p] for p, (i, j) in enumerate(pairs[:2]))
    assert low[2] == pytest.approx(1) and high[2] == pytest.approx(1)


def test_one_block_has_no_interval():
    vectors = centred_blocks(blocks_of(random_sites(np.random.default_rng(0), 8, [6, 9])), True)
    low, high = cka_intervals(vectors, vectors, [(0, 1)])
    assert np.isnan([low, high]).all()
