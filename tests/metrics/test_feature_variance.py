"""Variances against NumPy and exact fractions, orders and overlaps against sorts and sets."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import feature_variance as module
from workflow_scripts.metrics.feature_variance import (
    feature_moments,
    kept_features,
    removal_order,
    shared_top,
    standardised,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-8, 8), min_size=1, max_size=20), st.integers(1, 7), st.sampled_from([0, 1000]))
def test_moments_are_those_of_exact_fractions_however_the_rows_are_read(values, rows, shift):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_ROWS", rows)
        mean, variance = feature_moments(np.array(values, np.float16)[:, None] + np.float16(shift))
    exact = Fraction(sum(values), len(values))
    assert mean[0] == pytest.approx(float(exact + shift), abs=1e-12)
    assert variance[0] == pytest.approx(float(sum((v - exact) ** 2 for v in values) / len(values)), abs=1e-12)


def test_layers_of_a_memory_map_at_once(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    features = rng.normal(500, 0.5, (300, 2, 6)).astype(np.float32)
    np.save(tmp_path / "features.npy", features)
    monkeypatch.setattr(module, "_ROWS", 77)
    mean, variance = feature_moments(np.load(tmp_path / "features.npy", mmap_mode="r"))
    np.testing.assert_allclose(mean, features.mean(0, dtype=np.float64), rtol=1e-13)
    np.testing.assert_allclose(variance, features.astype(np.float64).var(0), rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(0, 9))
def test_the_largest_variance_goes_first_and_of_equal_ones_the_lower_feature(variance, count):
    order = removal_order(np.array(variance, float))
    expected = sorted(range(len(variance)), key=lambda d: (-variance[d], d))
    assert order.tolist() == expected
    kept = kept_features(order, count)
    assert kept.tolist() == [d for d in range(len(variance)) if d not in expected[:count]]


def test_each_layer_has_an_order_of_its_own():
    assert removal_order(np.array([[1.0, 3, 2], [5, 5, 6]])).tolist() == [[1, 2, 0], [2, 0, 1]]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(7)), st.permutations(range(7)), st.integers(0, 7))
def test_shared_features_are_the_intersection_of_sets(one, other, count):
    assert shared_top(np.array(one), np.array(other), count) == len({*one[:count]} & {*other[:count]})


def test_standardised_by_exact_statistics_is_scikit_learn_s_scaler():
    rng = np.random.default_rng(0)
    features = rng.normal(3, np.logspace(-1, 2, 12), (400, 12)).astype(np.float16)
    made = standardised(features, *feature_moments(features))
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, StandardScaler().fit_transform(features.astype(np.float64)), rtol=1e-4, atol=1e-4)


def test_a_feature_that_never_changes_is_zero_and_not_undefined():
    assert standardised(np.full((3, 1), 7.0), np.array([7.0]), np.array([0.0])).tolist() == [[0], [0], [0]]


def test_what_has_no_variance_is_said_in_a_line(monkeypatch):
    with pytest.raises(AtlasError, match="there are no patches"):
        feature_moments(np.ones((0, 3), np.float16))
    features = np.ones((10, 3), np.float16)
    features[7, 1] = np.inf
    monkeypatch.setattr(module, "_ROWS", 4)
    with pytest.raises(AtlasError, match="features of patch 7 are not finite"):
        feature_moments(features)
