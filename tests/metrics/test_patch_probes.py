"""Probes of position and pixels against PyTorch word for word, scikit-learn and least squares; tokens that know their place."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics import patch_probes
from workflow_scripts.metrics.patch_probes import apart, fit_pixel_probe, fit_position_probe, pixel_errors, position_distances

GRID = (3, 4)


def tokens(images=60, width=8, noise=0.5, seed=0, scales=None):
    """Return features of the patches of images, each a code of its cell with noise, and the cells."""
    codes = np.random.default_rng(9).normal(size=(12, width))
    cells = np.tile(np.arange(12), images)
    features = codes[cells] + noise * np.random.default_rng(seed).normal(size=(len(cells), width))
    return (features * (1 if scales is None else scales) + 3).astype(np.float32), cells


def word_for_word(features, targets, width, loss, epochs, seed):
    mean, spread = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    seen = torch.from_numpy((features - mean) / spread).float()
    layer = nn.Linear(features.shape[1], width)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    adam = torch.optim.Adam(layer.parameters(), 1e-3)
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(len(features))
        for rows in (order[:360], order[360:]):
            adam.zero_grad()
            loss(layer(seen[rows]), torch.from_numpy(targets[rows])).backward()
            adam.step()
    return layer


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(patch_probes, "BATCH", 400)


def test_the_position_probe_is_its_definition_word_for_word():
    features, cells = tokens(scales=np.logspace(-2, 2, 8))
    probe = fit_position_probe(features, cells, 12, epochs=10, seed=4)
    layer = word_for_word(features, cells, 12, nn.CrossEntropyLoss(), 10, 4)
    np.testing.assert_allclose(probe.weight, layer.weight.detach().T, atol=1e-4)
    np.testing.assert_allclose(probe.bias, layer.bias.detach(), atol=1e-4)
    assert np.abs(probe.weight).max() > 0.01


def test_the_pixel_probe_is_its_definition_word_for_word():
    features, cells = tokens()
    pixels = np.random.default_rng(1).normal(size=(len(cells), 5)).astype(np.float32)
    probe = fit_pixel_probe(features, pixels, epochs=10, seed=4)
    layer = word_for_word(features, pixels, 5, lambda a, b: ((a - b) ** 2).sum(1).mean(), 10, 4)
    np.testing.assert_allclose(probe.weight, layer.weight.detach().T, atol=1e-4)


def test_with_enough_steps_positions_are_found_as_by_scikit_learn():
    features, cells = tokens(noise=0.8)
    held_out, true = tokens(noise=0.8, seed=1)
    probe = fit_position_probe(features, cells, 12, epochs=400)
    reference = LogisticRegression(C=1e4, max_iter=2000).fit((features - features.mean(0)) / features.std(0), cells)
    expected = (reference.predict((held_out - features.mean(0)) / features.std(0)) == true).mean()
    found = (position_distances(probe, held_out, true, 4) == 0).mean()
    assert found == pytest.approx(expected, abs=0.03)
    assert found > 0.5


def test_with_enough_steps_pixels_are_those_of_least_squares():
    features, _ = tokens()
    pixels = (features @ np.random.default_rng(2).normal(size=(8, 6)) / 12 + 0.3).astype(np.float32)
    pixels += 0.1 * np.random.default_rng(3).normal(size=pixels.shape).astype(np.float32)
    probe = fit_pixel_probe(features, pixels, epochs=2500)
    design = np.column_stack([features, np.ones(len(features))])
    fitted = design @ np.linalg.lstsq(design, pixels, rcond=None)[0]
    expected = np.linalg.norm(fitted - pixels, axis=1)
    assert pixel_errors(probe, features, pixels).mean() == pytest.approx(expected.mean(), rel=0.03)


def test_distances_are_in_patches_and_of_equal_outputs_the_first():
    features, cells = tokens(images=1)
    nothing = fit_position_probe(features, cells, 12, epochs=0)
    found = position_distances(nothing, features, cells, 4)
    assert found.tolist() == [np.hypot(y, x) for y in range(3) for x in range(4)]
    pixels = np.ones((12, 4), np.float32)
    assert pixel_errors(fit_pixel_probe(features, pixels, epochs=0), features, pixels).tolist() == [2] * 12


def test_tokens_without_their_place_score_worse_than_those_with():
    features, cells = tokens(images=40)
    held_out, true = tokens(images=40, seed=1)
    high = np.random.default_rng(5).random(len(true)) < 0.1
    held_out[high] = held_out[high].mean(0)
    distances = position_distances(fit_position_probe(features, cells, 12, epochs=200), held_out, true, 4)
    normal, outlier = apart(distances == 0, high)
    assert normal > 0.8 > 0.3 > outlier
    assert apart(distances, high)[0] < apart(distances, high)[1]
    assert np.isnan(apart(distances, np.zeros(len(true), bool))[1])


def test_features_may_be_half_precision_maps_and_constant(tmp_path):
    features, cells = tokens()
    features[:, 2] = 7
    np.save(tmp_path / "f.npy", features.astype(np.float16))
    stored = np.load(tmp_path / "f.npy", mmap_mode="r")
    probe = fit_position_probe(stored, cells, 12)
    assert probe.spread[2] == 1 and np.isfinite(probe.weight).all()
    assert len(position_distances(probe, stored, cells, 4)) == len(cells)


def test_nothing_and_features_that_are_not_finite_are_named():
    with pytest.raises(AtlasError, match="no token to learn from"):
        fit_position_probe(np.empty((0, 3), np.float32), np.empty(0, int), 12)
    features, cells = tokens()
    features[5, 1] = np.inf
    with pytest.raises(AtlasError, match="features are not finite"):
        fit_position_probe(features, cells, 12)
