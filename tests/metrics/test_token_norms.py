"""The cutoff of high norms against a plain reading of its rule, on mixtures whose valley is known, and shares above it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.token_norms import (
    BINS,
    bins_above,
    cutoff,
    norm_counts,
    norm_edges,
    share_above,
    share_by_position,
    smoothed,
)

histograms = st.lists(st.tuples(st.integers(0, 199), st.integers(1, 3000)), max_size=12).map(
    lambda bumps: np.bincount([b for b, n in bumps for _ in range(n)], minlength=BINS)
)


def brute_smoothed(counts):
    kernel = [math.exp(-0.5 * (i / 3) ** 2) for i in range(-12, 13)]
    kernel = [value / sum(kernel) for value in kernel]
    return [sum(kernel[j + 12] * counts[i + j] for j in range(-12, 13) if 0 <= i + j < BINS) for i in range(BINS)]


def brute_cutoff(counts):
    values = smoothed(counts).tolist()
    runs, start = [], 0  # of equal values
    for i in range(1, BINS + 1):
        if i == BINS or values[i] != values[start]:
            left = values[start - 1] if start else 0
            right = values[i] if i < BINS else 0
            if values[start] > left and values[start] > right:
                runs.append((start + i - 1) // 2)
            start = i
    if not runs:
        return None
    first = max(runs, key=lambda i: values[i])
    best = None
    for second in (i for i in runs if i > first):
        lowest = min(values[first : second + 1])
        places = [i for i in range(first, second + 1) if values[i] == lowest]
        valley = places[len(places) // 2]
        high = sum(counts[valley + 1 :])
        enough = high >= 30 and high >= sum(counts) / 1000
        if lowest < values[second] / 2 and enough and (best is None or values[second] > values[best[1]]):
            best = (valley, second)
    return best and 10 ** (-1 + 5 / BINS * (best[0] + 1))


def mixture(*parts, seed=0):
    """Return norms of which each part is (number, median, standard deviation of log10)."""
    rng = np.random.default_rng(seed)
    return np.concatenate([10 ** rng.normal(np.log10(median), spread, n) for n, median, spread in parts])


def test_smoothing_is_a_gaussian_of_three_bins():
    counts = np.random.default_rng(0).integers(0, 50, BINS)
    assert np.allclose(smoothed(counts), brute_smoothed(counts.tolist()), rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(histograms)
def test_the_rule_read_plainly(counts):
    expected, found = brute_cutoff(counts), cutoff(counts)
    assert (found is None) == (expected is None)
    assert found is None or found == pytest.approx(expected)


def test_a_small_group_of_high_norms_is_found_in_the_valley():
    norms = mixture((97_000, 50, 0.12), (2_400, 350, 0.08))
    found = cutoff(norm_counts(norms))
    assert 120 < found < 250
    assert share_above(norm_counts(norms), found) == pytest.approx((norms > found).mean())
    assert share_above(norm_counts(norms), found) == pytest.approx(0.024, abs=0.001)


@pytest.mark.parametrize(
    "norms",
    [
        mixture((50_000, 50, 0.12)),
        mixture((50_000, 50, 0.12), (20, 600, 0.02)),
        mixture((50_000, 50, 0.12), (5_000, 9, 0.05)),
        mixture((50_000, 50, 0.12), (25_000, 70, 0.1)),
        np.zeros(100),
        np.empty(0),
    ],
    ids=["one group", "too few", "a group of small norms", "two groups without a valley", "zeros", "nothing"],
)
def test_no_cutoff_is_invented(norms):
    assert cutoff(norm_counts(norms)) is None


@pytest.mark.parametrize("n", [300, 1_000, 30_000])
@pytest.mark.parametrize("spread", [0.05, 0.15, 0.3])
def test_the_tail_of_one_group_is_no_second(n, spread):
    assert [cutoff(norm_counts(mixture((n, 20, spread), seed=seed))) for seed in range(20)] == [None] * 20


def test_a_shoulder_does_not_hide_the_second_group():
    counts = np.zeros(BINS, int)
    counts[[100, 109, 140]] = 1000, 900, 100
    assert cutoff(counts) == pytest.approx(norm_edges()[bins_above(10 ** (-1 + 0.025 * 125))], rel=0.2)
    assert share_above(counts, cutoff(counts)) == 0.05


def test_of_equally_empty_bins_the_middle_one():
    counts = np.zeros(BINS, int)
    counts[[50, 151]] = 1000, 100
    # The Gaussian ends after 12 bins: 63 to 138 are empty, 101 is their middle, 102 its upper edge.
    assert cutoff(counts) == norm_edges()[102]


@settings(deadline=None, max_examples=30)
@given(histograms, st.integers(1, 5))
def test_more_of_the_same_changes_nothing(counts, times):
    found = cutoff(counts)
    assert found is None or cutoff(counts * times) == found


@pytest.mark.parametrize(("few", "is_one"), [(29, False), (30, True)])
def test_fewer_than_thirty_tokens_are_no_group(few, is_one):
    counts = np.zeros(BINS, int)
    counts[[50, 151]] = 1000, few
    assert (cutoff(counts) is not None) == is_one


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e5, width=32), min_size=1, max_size=50), st.integers(1, BINS - 1))
def test_the_share_above_an_edge_is_that_of_the_norms(norms, edge):
    norms, limit = np.array(norms, np.float32), norm_edges()[edge]
    assert bins_above(limit) == edge
    assert share_above(norm_counts(norms), limit) == pytest.approx((norms > limit).mean())


def test_a_norm_on_an_edge_counts_below_it():
    counts = norm_counts(norm_edges()[[0, 7, 200]])
    assert np.flatnonzero(counts).tolist() == [0, 6, 199]
    assert norm_edges()[bins_above(150)] == pytest.approx(150, rel=0.03)
    assert np.isnan(share_above(np.zeros((2, BINS)), 150)).all()


def test_share_by_position_counts_what_is_strictly_above():
    norms = np.array([[1, 150, 151], [200, 150, 1]])
    assert share_by_position(norms, 150.0).tolist() == [0.5, 0, 0.5]
