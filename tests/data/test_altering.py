"""Altered pixels against scipy, NumPy's FFT, loops from the definitions and the shares that the definitions state."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates, uniform_filter

from workflow_scripts.data.alterations import Rotation, Scale, Shift, noise_seed
from workflow_scripts.data.altering import (
    added,
    band_mask,
    band_noise,
    blurred,
    moved_image,
    moved_map,
    moved_points,
    noise,
    sources,
)

MOVES = st.one_of(
    st.builds(Shift, st.integers(1, 9)),
    st.builds(Rotation, st.integers(1, 89)),
    st.builds(Scale, st.sampled_from([50, 80, 90, 110, 120, 137, 200])),
)
SIDES = st.integers(1, 24)


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("kernel", [1, 2, 5, 10, 20, 30, 40])
def test_blur_is_scipys_uniform_filter_with_its_mirror(kernel):
    pixels = picture(53, 61)
    expected = uniform_filter(pixels.astype(float), (kernel, kernel, 1), mode="mirror")
    assert np.abs(blurred(pixels, kernel) - expected).max() <= 0.5 + 1e-9


def test_noise_has_the_deviation_it_says_and_is_independent():
    found = noise((400, 400, 3), 20, noise_seed(20, 3))
    assert found.dtype == np.float32
    assert abs(found.mean()) < 4 * 20 / math.sqrt(found.size)
    assert found.std() == pytest.approx(20, rel=0.01)
    assert np.mean(np.abs(found) < 20) == pytest.approx(0.6827, abs=0.005)
    flat, red = found.reshape(-1, 3), found[..., 0]
    for one, other in ((flat[:, 0], flat[:, 1]), (red[:, :-1], red[:, 1:]), (red[:-1], red[1:])):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


def test_noise_is_that_of_its_seed():
    assert noise_seed(10, 7) == 10007
    assert np.array_equal(noise((9, 8, 3), 10, 10007), noise((9, 8, 3), 10, 10007))
    assert not np.array_equal(noise((9, 8, 3), 10, 10007), noise((9, 8, 3), 10, 10008))
    assert not np.array_equal(band_noise((9, 8, 3), 1, 7), band_noise((9, 8, 3), 1, 8))


def test_added_noise_is_rounded_and_clipped():
    pixels = np.array([0, 100, 100, 255, 3], np.uint8)
    assert added(pixels, np.array([-5.0, 0.4, -0.6, 1, -2.6], np.float32)).tolist() == [0, 100, 99, 255, 0]


def ring(size, band):
    """The definition, centred by a shift as in the paper: r = max(|u| / (W / 2), |v| / (H / 2)) in [(b - 1) / 4, b / 4)."""
    u, v = (np.fft.fftshift(np.fft.fftfreq(side)) * side for side in size[::-1])
    r = np.maximum(np.abs(u)[None] / (size[1] / 2), np.abs(v)[:, None] / (size[0] / 2))
    return (r >= (band - 1) / 4) & (r < band / 4)


@pytest.mark.parametrize("band", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(64, 64), (32, 48), (31, 45), (50, 33), (256, 512)])
def test_bands_are_square_rings(size, band):
    assert np.array_equal(np.fft.fftshift(band_mask(size, band)), ring(size, band))


@pytest.mark.parametrize("band", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(32, 48), (31, 45)])
def test_band_noise_is_the_filtered_noise_of_the_formula(size, band):
    shape = (*size, 3)
    spectrum = np.fft.fftshift(np.fft.fft2(noise(shape, 40, 5).astype(float), axes=(0, 1)), axes=(0, 1))
    formula = np.fft.ifft2(np.fft.ifftshift(spectrum * ring(size, band)[..., None], axes=(0, 1)), axes=(0, 1))
    assert np.abs(formula.imag).max() < 1e-9
    found = band_noise(shape, band, 5)
    np.testing.assert_allclose(found, formula.real, atol=1e-3)
    # Nothing is left outside the band.
    power = np.abs(np.fft.fft2(found.astype(float), axes=(0, 1))) ** 2
    assert power[~band_mask(size, band)].sum() < 1e-8 * power.sum()


def test_bands_of_one_noise_add_up_to_it_and_their_power_is_their_area():
    shape = (65, 81, 3)  # of odd sides no frequency is the highest there is
    bands = [band_noise(shape, band, 11) for band in (1, 2, 3, 4)]
    np.testing.assert_allclose(sum(bands), noise(shape, 40, 11), atol=1e-3)
    for band, found in enumerate(bands, start=1):
        expected = 40 * math.sqrt(band_mask(shape[:2], band).mean())
        assert found.std() == pytest.approx(expected, rel=0.1)


def origin(move, x, y, width, height):
    """Where the definitions (L8) say that a point of a moved image was, by themselves."""
    cx, cy = Fraction(width, 2), Fraction(height, 2)
    match move:
        case Shift(pixels):
            return x - pixels, y - pixels
        case Scale(percent):
            return cx + (x - cx) / Fraction(percent, 100), cy + (y - cy) / Fraction(percent, 100)
        case Rotation(degrees):
            cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            dx, dy = float(x - cx), float(y - cy)
            return float(cx) + cos * dx - sin * dy, float(cy) + sin * dx + cos * dy
    raise TypeError(move)


@settings(deadline=None, max_examples=60)
@given(MOVES, SIDES, SIDES, st.sampled_from([bool, np.uint8, np.int16, np.int32]))
def test_maps_are_moved_as_the_definition_says(move, height, width, kind):
    values = (np.arange(1, height * width + 1).reshape(height, width) % 120).astype(kind)
    expected = np.zeros_like(values)
    for i in range(height):
        for j in range(width):
            x, y = origin(move, Fraction(2 * j + 1, 2), Fraction(2 * i + 1, 2), width, height)
            if 0 <= x < width and 0 <= y < height:
                expected[i, j] = values[math.floor(y), math.floor(x)]
    found = moved_map(move, values)
    assert found.dtype == values.dtype
    # 30 and 60 degrees have a sine that floating point misses, and one column and row of places on an edge.
    wrong = found != expected
    assert not wrong.any() or (isinstance(move, Rotation) and move.degrees in (30, 60) and wrong.sum() <= height + width)


@settings(deadline=None, max_examples=60)
@given(MOVES, SIDES, SIDES)
def test_images_are_moved_bilinearly_and_empty_where_maps_are(move, height, width):
    pixels = picture(height, width)
    y, x = np.broadcast_arrays(*sources(move, (height, width)))
    found, seen = moved_image(move, pixels), moved_map(move, np.ones((height, width), bool))
    for channel in range(3):
        expected = map_coordinates(pixels[..., channel].astype(float), [y - 0.5, x - 0.5], order=1, mode="nearest")
        assert np.abs(found[..., channel] - expected)[seen].max(initial=0) <= 0.5 + 1e-3
    assert not found[~seen].any()


def test_a_shift_by_hand_goes_right_and_down():
    pixels, labels = picture(5, 7), np.arange(35, dtype=np.int16).reshape(5, 7) + 1
    for moved, whole in ((moved_image(Shift(2), pixels), pixels), (moved_map(Shift(2), labels), labels)):
        assert np.array_equal(moved[2:, 2:], whole[:-2, :-2])
        assert not moved[:2].any() and not moved[:, :2].any()


def test_the_first_edge_of_an_image_belongs_to_it_and_the_last_does_not():
    # Halved about the middle of 6, pixel 1 comes from place 0, pixel 4 from 6.
    assert sources(Scale(50), (6, 6))[0][:, 0].tolist() == [-2, 0, 2, 4, 6, 8]
    row = np.arange(1, 7, dtype=np.uint8)
    assert moved_map(Scale(50), np.tile(row, (6, 1)))[1].tolist() == [0, 1, 3, 5, 0, 0]
    assert moved_image(Scale(50), np.tile(10 * row[:, None], (6, 1, 3)))[1, :, 0].tolist() == [0, 10, 25, 45, 0, 0]


def test_a_turn_is_counter_clockwise_as_one_sees_it():
    labels = np.zeros((101, 101), np.uint8)
    labels[49:52, 89:92] = 1  # 40 px to the right of the centre
    y, x = np.argwhere(moved_map(Rotation(20), labels)).mean(0) - 50
    assert (x, y) == pytest.approx((40 * math.cos(math.radians(20)), -40 * math.sin(math.radians(20))), abs=0.5)


@settings(deadline=None, max_examples=60)
@given(MOVES, st.integers(1, 90), st.integers(1, 90))
def test_points_go_where_their_pixels_come_from(move, height, width):
    y, x = np.broadcast_arrays(*sources(move, (height, width)))
    back = moved_points(move, np.stack([x.ravel(), y.ravel()], 1), (height, width))
    centres = np.mgrid[:height, :width].reshape(2, -1).T[:, ::-1] + 0.5
    np.testing.assert_allclose(back, centres, atol=1e-9)


@pytest.mark.parametrize(
    ("cells", "rotation", "scale"),
    [
        (14, [0.980, 0.918, 0.918, 0.878], [0.735, 0.735, 1, 1]),
        (16, [0.969, 0.938, 0.906, 0.891], [0.5625, 0.766, 1, 1]),
    ],
)
def test_the_shares_of_patches_with_a_counterpart_are_those_of_the_definitions(cells, rotation, scale):
    """A grid of patches is turned and scaled as an image of which they are the pixels; both are about the centre."""
    grid = np.ones((cells, cells), bool)
    assert [moved_map(Rotation(degrees), grid).mean() for degrees in (5, 10, 15, 20)] == pytest.approx(rotation, abs=5e-4)
    assert [moved_map(Scale(percent), grid).mean() for percent in (80, 90, 110, 120)] == pytest.approx(scale, abs=5e-4)


@pytest.mark.parametrize(("cells", "percent", "share"), [(14, 90, 52), (14, 110, 52), (16, 90, 60), (16, 110, 60)])
def test_places_on_an_edge_are_those_that_the_definitions_count(cells, percent, share):
    y, x = sources(Scale(percent), (cells, cells))
    assert ((y == np.floor(y)) | (x == np.floor(x))).sum() == share
