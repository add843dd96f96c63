"""Cosines with neighbours against a loop over the grid, and densities of binned values against SciPy's of the values."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gaussian_kde

from workflow_scripts.metrics.binned_density import binned_mean, scott_density
from workflow_scripts.metrics.neighbour_cosine import mean_cosines, neighbour_cosines, pairs_of_patches


def brute(features, grid):
    """Return for each image and patch the cosines with up, down, left and right, as far as they are."""
    rows, columns = grid
    found = []
    for image in features.reshape(-1, rows, columns, features.shape[-1]):
        cosines = {}
        for y, x in np.ndindex(rows, columns):
            for at in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= at[0] < rows and 0 <= at[1] < columns:
                    a, b = image[y, x], image[at]
                    cosines.setdefault(y * columns + x, []).append(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        found.append(cosines)
    return found


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
def test_every_patch_with_its_neighbours(rows, columns, images, seed):
    features = np.random.default_rng(seed).normal(size=(images, rows * columns, 3))
    right, below = neighbour_cosines(torch.from_numpy(features), (rows, columns))
    patch, values = pairs_of_patches(right, below)
    means = mean_cosines(right, below)
    assert values.shape == (images, 2 * (rows * (columns - 1) + (rows - 1) * columns))
    for image, expected in enumerate(brute(features, (rows, columns))):
        for cell in range(rows * columns):
            mine = sorted(values[image, patch == cell].tolist())
            assert mine == pytest.approx(sorted(expected.get(cell, [])))
            mean = float(means[image, cell])
            assert np.isnan(mean) if cell not in expected else mean == pytest.approx(np.mean(mine))


def test_hand_made_grid():
    # The right column is opposite to the left in the upper row, at a right angle below.
    features = torch.tensor([[[1.0, 0], [-2, 0], [3, 0], [0, 1]]])
    right, below = neighbour_cosines(features, (2, 2))
    assert right.tolist() == [[[-1], [0]]]
    assert below.tolist() == [[[1, 0]]]
    assert mean_cosines(right, below).tolist() == [[0, -0.5, 0.5, 0]]
    assert neighbour_cosines(torch.zeros(1, 2, 3), (1, 2))[0].tolist() == [[[0]]]


def test_the_density_is_scipys_of_the_values():
    values = np.random.default_rng(0).beta(5, 2, 4000) * 2 - 1
    edges = np.linspace(-1, 1, 401)
    at = np.linspace(-1, 1, 41)
    found = scott_density(np.histogram(values, edges)[0], edges, at)
    expected = gaussian_kde(values, "scott")(at)
    assert np.allclose(found, expected, atol=0.01 * expected.max())
    assert found.max() > 1
    assert binned_mean(np.histogram(values, edges)[0], edges) == pytest.approx(values.mean(), abs=0.0025)


def test_densities_of_nothing_and_of_equal_values():
    edges = np.linspace(-1, 1, 5)
    at = np.linspace(-2, 2, 4001)
    assert np.isnan(scott_density(np.array([0, 1, 0, 0]), edges, at)).all()
    found = scott_density(np.array([0, 5, 0, 0]), edges, at)
    assert np.trapezoid(found, at) == pytest.approx(1, abs=1e-6)
    assert at[found.argmax()] == pytest.approx(-0.25)
    assert np.isnan(binned_mean(np.zeros((2, 4)), edges)).all()
