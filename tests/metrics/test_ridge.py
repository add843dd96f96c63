"""Ridge regression and R squared against scikit-learn, and where there is nothing to explain."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference
from sklearn.metrics import r2_score

from workflow_scripts.metrics.ridge import Ridge, fit_ridge, r_squared


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
@pytest.mark.parametrize(("n", "width"), [(300, 12), (20, 40)])
@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_scikit_learn_fits_and_scores_the_same(dtype, n, width, penalty):
    rng = np.random.default_rng(0)
    features = (5 + rng.normal(size=(n + 100, width)) * np.logspace(-2, 1, width)).astype(dtype)
    targets = features[:, -3:].astype(float) @ rng.normal(size=(3, 2)) + rng.normal(size=(n + 100, 2)) + 7
    ridge = fit_ridge(features[:n], targets[:n], penalty)
    reference = Reference(penalty, solver="svd").fit(features[:n].astype(float), targets[:n])
    np.testing.assert_allclose(ridge.weight, reference.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ridge.intercept, reference.intercept_, rtol=1e-7)
    predicted = ridge.predict(features[n:])
    expected = r2_score(targets[n:], reference.predict(features[n:].astype(float)), multioutput="raw_values")
    np.testing.assert_allclose(r_squared(predicted, targets[n:]), expected, rtol=1e-7)


def test_the_intercept_has_no_penalty():
    ridge = fit_ridge(np.array([[-1.0], [1.0]]), np.array([[99.0], [101.0]]), penalty=2.0)
    assert ridge.weight[0, 0] == pytest.approx(0.5) and ridge.intercept[0] == pytest.approx(100)


def test_by_hand():
    targets = np.array([[0.0, 5], [2, 5], [4, 5]])
    predicted = np.array([[0.0, 5], [2, 5], [2, 5]])
    scores = r_squared(predicted, targets)
    assert scores[0] == 0.5 and np.isnan(scores[1])
    assert r_squared(np.array([[9.0], [9], [9]]), targets[:, :1])[0] < 0


def test_predictions_of_half_precision_are_in_double():
    predicted = Ridge(np.array([[1.0, 1.0]]), np.array([0.0])).predict(np.array([[2048, 1]], np.float16))
    assert predicted.tolist() == [[2049]]
