"""How much of an image's class a single token holds: logistic regression from one token an image.

Darcet et al., "Vision Transformers Need Registers" (arXiv 2309.16588v2, section 2.2 and table 1): one token of an image, drawn
at random among its high-norm (or normal) patch tokens, stands for the image; CLS beside them. The paper does not say how the
regression is regularised, nor what of images without a high-norm token, which are to be left out here, for all kinds of tokens:
features are standardised over the training images, penalty and solver are scikit-learn's defaults (C = 1, L-BFGS).
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from workflow_scripts.common.errors import AtlasError

_STEPS = 1000


def class_accuracy(features: np.ndarray, labels: np.ndarray, training: np.ndarray) -> float:
    """Return the share of the other images whose class is predicted, 0 to 1, after learning from the training images.

    Args:
        features: [I, D] of one token an image.
        labels: [I] int.
        training: [I] bool.

    Raises:
        AtlasError: the training images are of one class, or all images are training images.
    """
    if len(np.unique(labels[training])) < 2 or training.all():
        raise AtlasError(
            "classification from one token: needs training images of two classes and other images to score; "
            "choose more images, or a lower cutoff"
        )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_STEPS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a thousand steps do for an accuracy
        model.fit(features[training].astype(np.float64), labels[training])
    return float(model.score(features[~training].astype(np.float64), labels[~training]))


def mean_and_deviation(accuracies: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation (of a sample) over the draws [K]."""
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1))
