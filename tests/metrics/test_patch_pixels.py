"""Patches of images and back, and undone normalisation, against loops and MAE's own formulas."""

import numpy as np
import pytest
import torch

from workflow_scripts.metrics.patch_pixels import images_of, patches_of, pixel_mask, with_spread_of

PATCH, GRID = (2, 4), (3, 2)
IMAGES = np.random.default_rng(0).random((2, 6, 8, 3))


def test_patches_are_cells_row_by_row_with_the_channel_last():
    found = patches_of(IMAGES, PATCH)
    assert found.shape == (2, 6, 24)
    for row in range(3):
        for column in range(2):
            cell = IMAGES[1, 2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
            assert np.array_equal(found[1, 2 * row + column], cell.ravel())
    assert np.array_equal(images_of(found, PATCH, GRID), IMAGES)


def test_patches_are_those_of_the_released_code():
    images = np.random.default_rng(1).random((2, 12, 12, 3))
    made = torch.from_numpy(images).permute(0, 3, 1, 2).reshape(2, 3, 3, 4, 3, 4)
    made = torch.einsum("nchpwq->nhwpqc", made).reshape(2, 9, 48)
    assert np.array_equal(patches_of(images, (4, 4)), made.numpy())


def test_undone_normalisation_gives_the_patches_back():
    patches = np.random.default_rng(2).random((2, 6, 24)) * 3
    patches[0, 0] = 0.25  # a flat patch, whose spread is the epsilon alone
    target = torch.from_numpy(patches)
    target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
    assert np.allclose(with_spread_of(target.numpy(), patches), patches, atol=1e-12)
    one = with_spread_of(np.ones_like(patches), patches)[1, 2]
    own = patches[1, 2]
    spread = (sum((own - own.mean()) ** 2) / 23 + 1e-6) ** 0.5
    assert one == pytest.approx(np.full(24, own.mean() + spread))


def test_pixels_of_chosen_patches():
    chosen = np.zeros((1, 6), bool)
    chosen[0, [1, 4]] = True
    expected = np.zeros((6, 8), bool)
    expected[0:2, 4:8] = expected[4:6, 0:4] = True
    assert np.array_equal(pixel_mask(chosen, PATCH, GRID)[0], expected)
