"""Ridge regression: how much of some targets is linear in features.

Vanyan et al., "Analyzing Local Representations of Self-supervised Vision Transformers" (arXiv 2401.00463v2, section 6): from
the feature of one patch the shares of classes in its image, by linear regression with an L2 penalty, scored by R squared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ridge:
    """A target t is predicted as weight[t] . x + intercept[t]. weight: [T, D] float64; intercept: [T] float64."""

    weight: np.ndarray
    intercept: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the predictions [n, T] of features [n, D]."""
        return features.astype(np.float64) @ self.weight.T + self.intercept


def fit_ridge(features: np.ndarray, targets: np.ndarray, penalty: float = 1.0) -> Ridge:
    """Return the least sum of squared errors plus `penalty` times the squared weights, of each target; none on intercepts.

    Args:
        features: [n, D], not standardised, n at least 1.
        targets: [n, T].
        penalty: above 0.
    """
    x, y = features.astype(np.float64), targets.astype(np.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    x, y = x - mean_x, y - mean_y
    weight = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y).T
    return Ridge(weight, mean_y - weight @ mean_x)


def r_squared(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return 1 - squared errors / squared deviations from the mean of each target, [T] float64, at most 1; NaN if constant.

    Args:
        predicted: [n, T].
        targets: [n, T].
    """
    errors = ((targets - predicted) ** 2).sum(0)
    spread = ((targets - targets.mean(0)) ** 2).sum(0)
    varies = (targets != targets[:1]).any(0)
    return 1 - np.divide(errors, spread, out=np.full(len(errors), np.nan), where=varies)
