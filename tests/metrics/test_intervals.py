"""Bootstrap intervals against scipy and against what resampling means."""

import numpy as np
from scipy import stats

from workflow_scripts.metrics.intervals import bootstrap_means


def test_interval_agrees_with_scipy():
    values = np.random.default_rng(1).exponential(size=(200, 1))
    low, high = bootstrap_means(values, draws=4000, seed=3)
    reference = stats.bootstrap((values[:, 0],), np.mean, n_resamples=4000, method="percentile", random_state=5)
    assert abs(low[0] - reference.confidence_interval.low) < 0.02
    assert abs(high[0] - reference.confidence_interval.high) < 0.02
    assert low[0] < values.mean() < high[0]


def test_a_constant_has_no_width_even_far_from_zero():
    low, high = bootstrap_means(np.full((50, 2, 3), 1e6))
    assert low.shape == (2, 3)
    assert (low == 1e6).all()
    assert (high == 1e6).all()


def test_the_statistic_is_applied_to_each_resample():
    values = np.random.default_rng(0).normal(size=(100, 4, 5))
    low, high = bootstrap_means(values, statistic=lambda draws: draws.max(-1))
    assert low.shape == (4,)
    assert (high >= values.mean(0).max(-1)).all()


def test_one_unit_has_no_interval():
    low, high = bootstrap_means(np.ones((1, 3)))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).random((30, 2))
    assert np.array_equal(bootstrap_means(values, seed=1), bootstrap_means(values, seed=1))
    assert not np.array_equal(bootstrap_means(values, seed=1), bootstrap_means(values, seed=2))
