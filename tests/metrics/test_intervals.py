"""Bootstrap intervals against scipy and against what resampling means."""

import numpy as np
from scipy import stats

from workflow_scripts.metrics.intervals import bootstrap_means, percentiles, poisson_weights


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


def test_weights_are_poisson_and_each_unit_s_own():
    weights = poisson_weights(np.arange(2000), 50, 7)
    assert weights.shape == (2000, 50)
    assert abs(weights.mean() - 1) < 0.02 and abs(weights.var() - 1) < 0.03
    order = [1500, 3, 42]
    assert np.array_equal(poisson_weights(np.array(order), 50, 7), weights[order])
    assert not np.array_equal(poisson_weights(np.array(order), 50, 8), weights[order])


def test_the_interval_of_a_weighted_mean_is_that_of_drawing_with_replacement():
    values = np.random.default_rng(1).exponential(size=400)
    weights = poisson_weights(np.arange(400), 2000, 0)
    low, high = percentiles(values @ weights / weights.sum(0))
    expected = bootstrap_means(values[:, None], draws=2000)
    assert abs(low - expected[0][0]) < 0.01 and abs(high - expected[1][0]) < 0.01


def test_resamples_without_a_value_are_left_out():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [np.nan, np.nan]])
    low, high = percentiles(values)
    assert (low[0], high[0]) == (1.025, 1.975)
    assert np.isnan(low[1]) and np.isnan(high[1])
