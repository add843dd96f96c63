"""Linear probes against PyTorch's modules word for word and scikit-learn's logistic regression; alone as among all."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.linear_probe import Head, LinearProbes, fit_probes, predict


def patches(n, layers=1, width=6, classes=3, spread=1.0, seed=0):
    """Return features of `layers` and labels, classes of different frequency that overlap."""
    rng = np.random.default_rng(seed)
    label = rng.choice(classes, n, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    centres = rng.normal(size=(layers, classes, width))
    features = centres[:, label].swapaxes(0, 1) + spread * rng.normal(size=(n, layers, width))
    return features.astype(np.float32), label


def orders(layers, width, seed=5):
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(width) for _ in range(layers)])


@pytest.mark.parametrize("batch_norm", [False, True])
def test_it_is_what_the_definition_says_word_for_word_in_pytorch(batch_norm):
    features, labels = patches(230)
    features = features * np.logspace(-1, 1, 6, dtype=np.float32) + 2
    probes = fit_probes(features, labels, 3, orders(1, 6), [Head(rate=0.01)], batch_norm, epochs=7, batch=100, seed=4)
    norm, layer = nn.BatchNorm1d(6, eps=1e-6, affine=False, momentum=None), nn.Linear(6, 3)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    model = nn.Sequential(norm, layer) if batch_norm else layer
    adam = torch.optim.Adam(layer.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 7 * 3)
    rng = np.random.default_rng(4)
    for _ in range(7):
        order = rng.permutation(230)
        for rows in (order[:77], order[77:154], order[154:]):
            adam.zero_grad()
            loss = nn.functional.cross_entropy(model(torch.from_numpy(features[rows, 0])), torch.from_numpy(labels[rows]))
            loss.backward()
            adam.step()
            schedule.step()
    np.testing.assert_allclose(probes.weight[0, 0], layer.weight.detach(), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(probes.bias[0, 0], layer.bias.detach(), rtol=1e-3, atol=1e-5)
    assert np.abs(probes.weight).max() > 0.05
    if batch_norm:
        np.testing.assert_allclose(probes.mean[0], norm.running_mean, rtol=1e-5)
        np.testing.assert_allclose(probes.variance[0], norm.running_var, rtol=1e-5)
    else:
        assert probes.mean is probes.variance is None
    model.eval()
    said = model(torch.from_numpy(features[:, 0])).argmax(1)
    np.testing.assert_array_equal(predict(probes, features)[:, 0, 0], said)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_where_both_converge_it_is_logistic_regression(batch_norm):
    features, labels = patches(400, spread=1.5)
    order, removed = orders(1, 6), 2
    heads = [Head(rate=0.05), Head(removed, 0.05)]
    probes = fit_probes(features, labels, 3, order, heads, batch_norm, epochs=1500)
    scale = features.std(0)[0] if batch_norm else np.ones(6)
    centre = features.mean(0)[0] if batch_norm else np.zeros(6)
    for head, kept in ((0, np.arange(6)), (1, np.sort(order[0, removed:]))):
        reference = LogisticRegression(C=np.inf, tol=1e-9, max_iter=5000)
        reference.fit(((features[:, 0] - centre) / scale)[:, kept], labels)
        weight, bias = probes.weight[0, head], probes.bias[0, head]
        # A softmax does not see what is common to all classes.
        np.testing.assert_allclose(weight[:, kept] - weight[:, kept].mean(0), reference.coef_, atol=2e-3)
        np.testing.assert_allclose(bias - bias.mean(), reference.intercept_ - reference.intercept_.mean(), atol=2e-3)
        assert (np.delete(weight, kept, 1) == 0).all()
        said = predict(probes, features)[:, 0, head]
        assert (said == reference.predict(((features[:, 0] - centre) / scale)[:, kept])).mean() > 0.99


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_one_alone_is_the_same_as_among_all(batch_norm, dtype):
    features, labels = patches(700, layers=3, width=10)
    features, order = features.astype(dtype), orders(3, 10)
    heads = [Head(), Head(4), Head(9), Head(4, 3e-3), Head(0, 3e-4)]
    settings = {"batch_norm": batch_norm, "epochs": 12, "batch": 150}
    among = fit_probes(features, labels, 3, order, heads, **settings)
    assert among.weight.shape == (3, 5, 3, 10) and among.bias.shape == (3, 5, 3)
    said = predict(among, features)
    for layer in range(3):
        for place, head in enumerate(heads):
            kept = np.sort(order[layer, head.removed :])
            alone = fit_probes(
                np.ascontiguousarray(features[:, layer : layer + 1, kept]), labels, 3, np.arange(len(kept))[None],
                [Head(rate=head.rate)], **settings,
            )  # fmt: skip
            np.testing.assert_allclose(among.weight[layer, place][:, kept], alone.weight[0, 0], atol=1e-5)
            np.testing.assert_allclose(among.bias[layer, place], alone.bias[0, 0], atol=1e-5)
            same = said[:, layer, place] == predict(alone, features[:, layer : layer + 1, kept])[:, 0, 0]
            assert same.mean() > 0.995
    assert np.abs(among.weight[:, 1] - among.weight[:, 3]).max() > 1e-3


def test_what_is_separable_is_separated_and_shuffled_labels_are_not():
    features, labels = patches(900, spread=0.1)
    heads = [Head(rate=0.03)]
    probes = fit_probes(features, labels, 3, orders(1, 6), heads, epochs=60, batch=300)
    assert (predict(probes, features)[:, 0, 0] == labels).all()
    noise = np.random.default_rng(1).normal(size=(900, 1, 6)).astype(np.float32)
    probes = fit_probes(noise[:450], labels[:450], 3, orders(1, 6), heads, epochs=60, batch=300)
    said = predict(probes, noise[450:])[:, 0, 0]
    assert (said == labels[450:]).mean() == pytest.approx((labels[450:] == 2).mean(), abs=0.06)


def test_void_patches_are_left_out():
    features, labels = patches(200)
    with_void, more = np.concatenate([features, 50 + features]), np.concatenate([labels, np.full(200, 255)])
    expected = fit_probes(features, labels, 3, orders(1, 6), epochs=4)
    found = fit_probes(with_void, more.astype(np.uint8), 3, orders(1, 6), epochs=4)
    np.testing.assert_array_equal(found.weight, expected.weight)


def test_a_class_that_no_patch_has_is_not_predicted():
    features, labels = patches(300)
    probes = fit_probes(features, labels, 5, orders(1, 6), [Head(rate=0.05)], epochs=100)
    assert set(predict(probes, features).ravel()) <= {0, 1, 2}


def test_of_equal_scores_the_lower_class():
    probes = LinearProbes(np.zeros((1, 1, 3, 2), np.float32), np.array([[[0, 1, 1]]], np.float32))
    assert predict(probes, np.ones((2, 1, 2), np.float16)).tolist() == [[[1]], [[1]]]


def test_the_seed_shuffles_and_nothing_else():
    features, labels = patches(300)
    one, same, other = (fit_probes(features, labels, 3, orders(1, 6), epochs=3, batch=60, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.weight, same.weight)
    assert (one.weight != other.weight).any()


def test_what_cannot_be_fitted_is_said_in_a_line():
    features, labels = patches(30)
    with pytest.raises(AtlasError, match="no patch has a class; choose"):
        fit_probes(features, labels + 3, 3, orders(1, 6))
    with pytest.raises(AtlasError, match="6 of 6 features cannot be removed"):
        fit_probes(features, labels, 3, orders(1, 6), [Head(6)])
    features[11, 0, 2] = np.nan
    with pytest.raises(AtlasError, match="features of patch 11 are not finite"):
        fit_probes(features, labels, 3, orders(1, 6))
