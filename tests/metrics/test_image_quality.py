"""Error, PSNR and SSIM against loops over windows, the definition's two-dimensional Gaussian, and by hand."""

import math

import numpy as np
import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.image_quality import mean_square_errors, peak_signal_to_noise, structural_similarities


def brute_ssim(x, y):
    """One channel, window by window, weights and moments as Wang et al. write them (equations 14 to 16 and 13)."""
    weight = np.array([[math.exp(-(i * i + j * j) / (2 * 1.5**2)) for j in range(-5, 6)] for i in range(-5, 6)])
    weight /= weight.sum()
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = x[top : top + 11, left : left + 11], y[top : top + 11, left : left + 11]
            mean_a, mean_b = (weight * a).sum(), (weight * b).sum()
            variance_a, variance_b = (weight * (a - mean_a) ** 2).sum(), (weight * (b - mean_b) ** 2).sum()
            covariance = (weight * (a - mean_a) * (b - mean_b)).sum()
            light = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
            values.append(light * (2 * covariance + 9e-4) / (variance_a + variance_b + 9e-4))
    return float(np.mean(values))


def pictures(noise, shape=(2, 17, 14, 3)):
    rng = np.random.default_rng(0)
    one = rng.random(shape).cumsum(1) / shape[1]
    return one, np.clip(one + noise * rng.normal(size=shape), 0, 1)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_ssim_equals_a_loop_over_windows(noise):
    one, other = pictures(noise)
    expected = [np.mean([brute_ssim(a[..., c], b[..., c]) for c in range(3)]) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(structural_similarities(one, other), expected, atol=1e-12)
    np.testing.assert_allclose(structural_similarities(other, one), expected, atol=1e-12)
    rounded = structural_similarities(one.astype(np.float32), other.astype(np.float32))
    np.testing.assert_allclose(rounded, expected, atol=1e-5)


def test_ssim_falls_with_noise_and_is_one_of_the_same_image():
    scores = [structural_similarities(*pictures(noise)) for noise in (0, 0.05, 0.2)]
    assert scores[0] == pytest.approx([1, 1])
    assert (scores[0] > scores[1]).all() and (scores[1] > scores[2]).all()


def test_of_flat_images_only_the_light_is_compared():
    one, other = np.full((1, 11, 11, 1), 0.5), np.full((1, 11, 11, 1), 0.25)
    assert structural_similarities(one, other)[0] == pytest.approx((2 * 0.125 + 1e-4) / (0.25 + 0.0625 + 1e-4))


def test_an_inverted_structure_is_dissimilar():
    board = (np.indices((24, 24)).sum(0) % 2).astype(float)[None, ..., None]
    assert structural_similarities(board, 1 - board)[0] < -0.9


def test_an_image_smaller_than_the_window_is_named():
    with pytest.raises(AtlasError, match="images of 12 x 10 pixels are smaller than its window of 11 x 11; use"):
        structural_similarities(np.zeros((1, 10, 12, 3)), np.zeros((1, 10, 12, 3)))


def test_errors_equal_loops_over_pixels_that_count():
    one, other = pictures(0.2)
    counted = np.random.default_rng(1).random(one.shape[:3]) < 0.3
    every, some = mean_square_errors(one, other), mean_square_errors(one, other, counted)
    for image in range(2):
        errors = [
            ((float(one[image, y, x, c]) - float(other[image, y, x, c])) ** 2, counted[image, y, x])
            for y, x, c in np.ndindex(one.shape[1:])
        ]
        assert every[image] == pytest.approx(sum(e for e, _ in errors) / len(errors))
        assert some[image] == pytest.approx(sum(e for e, c in errors if c) / sum(bool(c) for _, c in errors))
    assert mean_square_errors(one, other, np.ones(one.shape[:3], bool)) == pytest.approx(every)
    assert np.isnan(mean_square_errors(one, other, np.zeros(one.shape[:3], bool))).all()


def test_bytes_do_not_overflow():
    assert mean_square_errors(np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)).tolist() == [255**2]


def test_peaks_by_hand():
    assert peak_signal_to_noise(np.array([1.0, 0.1, 0.001])).tolist() == pytest.approx([0, 10, 30])
    assert peak_signal_to_noise(np.array([0.0]))[0] == np.inf
    assert np.isnan(peak_signal_to_noise(np.array([np.nan]))[0])
