"""Draws of tokens and their accuracy, against scikit-learn's own steps and features that hold the class or do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.token_classification import class_accuracy, mean_and_deviation
from workflow_scripts.metrics.token_draws import draw_tokens


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 99), st.data())
def test_a_draw_is_among_what_it_is_drawn_from_and_of_the_image_alone(images, n, seed, data):
    among = np.random.default_rng(seed).random((images, n)) < 0.4
    among[:, 0] = True
    found = draw_tokens(among, np.arange(images), 5, seed)
    assert found.shape == (images, 5)
    assert all(among[image][own].all() for image, own in enumerate(found))
    order = np.array(data.draw(st.permutations(range(images))))
    assert np.array_equal(draw_tokens(among[order], order, 5, seed), found[order])


def test_every_token_is_equally_likely():
    among = np.zeros((1, 10), bool)
    among[0, [2, 5, 7]] = True
    found = draw_tokens(among, np.array([8]), 6000, seed=3)
    assert np.bincount(found[0], minlength=10)[[2, 5, 7]] / 6000 == pytest.approx(1 / 3, abs=0.03)


def images_of(noise, n=300, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, n)
    features = np.eye(4, 6)[labels] * 5 + noise * rng.normal(size=(n, 6)) + 20
    return features.astype(np.float16), labels, rng.random(n) < 2 / 3


def test_it_is_a_logistic_regression_on_standardised_features():
    features, labels, training = images_of(4)
    x = features.astype(float)
    x = (x - x[training].mean(0)) / x[training].std(0)
    expected = LogisticRegression(max_iter=1000).fit(x[training], labels[training]).score(x[~training], labels[~training])
    assert class_accuracy(features, labels, training) == expected
    assert 0.3 < expected < 0.95


def test_tokens_with_the_class_beat_tokens_without():
    with_class, without = (class_accuracy(*images_of(noise)) for noise in (0.5, 100))
    assert with_class == 1 and without < 0.45


def test_one_class_or_nothing_to_score_is_named():
    features, labels, training = images_of(1)
    for args in (
        (features, labels * 0, training),
        (features, labels, np.ones(300, bool)),
        (features, labels, ~np.ones(300, bool)),
    ):
        with pytest.raises(AtlasError, match="needs training images of two classes and other images"):
            class_accuracy(*args)


def test_mean_and_deviation_of_a_sample():
    assert mean_and_deviation(np.array([0.5, 0.7, 0.6])) == pytest.approx((0.6, 0.1))
