"""Key-point matching against a float64 brute force with features upsampled to every pixel, and hand-checked cases."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.correspondence import match_keypoints
from workflow_scripts.metrics.propagation import unit


def upsampled(tokens, grid, side):
    """[D, side, side] float64, by torch's interpolation."""
    image = tokens.double().T.reshape(1, -1, *grid)
    return torch.nn.functional.interpolate(image, size=(side, side), mode="bilinear")[0]


def descriptor_at(tokens, grid, side, x, y):
    """[D] float64 at continuous pixel coordinates, by torch's sampling (-1 and 1 are the borders of the image)."""
    image = tokens.double().T.reshape(1, -1, *grid)
    place = torch.tensor([[[[2 * x / side - 1, 2 * y / side - 1]]]], dtype=torch.float64)
    return torch.nn.functional.grid_sample(image, place, padding_mode="border", align_corners=False).flatten()


def check(found, similarity, side, shift):
    """The first largest pixel, or one that differs from the largest by rounding alone."""
    column, row = (found - shift).round().int().tolist()
    assert torch.equal(torch.tensor([column, row]) + shift, found.double())
    largest = similarity.max()
    assert similarity[row, column] >= largest - 1e-6
    first = int((similarity.flatten() >= largest - 1e-12).to(torch.uint8).argmax())
    clear = (similarity.flatten() >= largest - 1e-6).sum() == (similarity.flatten() >= largest - 1e-12).sum()
    assert not clear or (row, column) == divmod(first, side)


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.sampled_from([1, 2, 3, 4, 6]), st.sampled_from([1, 2, 3, 4, 6])),
    st.sampled_from([1, 2, 3, 4]),
    st.integers(2, 12),
    st.integers(0, 10**6),
)
def test_predictions_equal_brute_force(grid, factor, width, seed):
    side = 12 * factor
    generator = torch.Generator().manual_seed(seed)
    source, target = unit(torch.randn(2, grid[0] * grid[1], width, generator=generator))
    points = torch.rand(4, 2, generator=generator) * side
    got = match_keypoints(source, target, grid, side, points)
    up_source, up_target = upsampled(source, grid, side), upsampled(target, grid, side)
    for k, (x, y) in enumerate(points.double().tolist()):
        descriptors = {
            "pooled_by_category": up_source[:, min(int(np.round(y)), side - 1), min(int(x), side - 1)],
            "per_point": descriptor_at(source, grid, side, x, y),
        }
        for rule, descriptor in descriptors.items():
            check(got[rule][k], torch.einsum("d,dhw->hw", descriptor, up_target), side, 0.5 * (rule == "per_point"))


def test_layers_are_matched_alike():
    generator = torch.Generator().manual_seed(0)
    source, target = unit(torch.randn(2, 3, 16, 8, generator=generator))
    points = torch.rand(5, 2, generator=generator) * 64
    got = match_keypoints(source, target, (4, 4), 64, points)
    for layer in range(3):
        alone = match_keypoints(source[layer], target[layer], (4, 4), 64, points)
        for rule in ("pooled_by_category", "per_point"):
            assert got[rule].shape == (3, 5, 2)
            assert got[rule].dtype == torch.float32
            assert torch.equal(got[rule][layer], alone[rule])
    assert match_keypoints(source, target, (4, 4), 64, points[:0])["pooled_by_category"].shape == (3, 0, 2)


def test_which_pixel_a_key_point_is():
    # One token per pixel, all different: the prediction is the pixel whose descriptor was taken.
    tokens = torch.eye(36)
    points = torch.tensor([[2.9, 2.5], [2.1, 3.5], [0.0, 0.4], [5.99, 5.7], [0.2, 4.5]])
    got = match_keypoints(tokens, tokens, (6, 6), 6, points)["pooled_by_category"]
    # Columns are cut off, rows are rounded with halves to even, and the last row is the end.
    assert got.tolist() == [[2, 2], [2, 4], [0, 0], [5, 5], [0, 4]]
    centres = torch.tensor([[2.5, 3.5], [0.5, 0.5], [5.5, 4.5]])
    assert torch.equal(match_keypoints(tokens, tokens, (6, 6), 6, centres)["per_point"], centres)


def test_the_descriptor_of_the_per_point_rule_lies_between_tokens():
    # Half way between tokens 0 and 1 the two weigh alike; the target has exactly that mixture as token 2.
    source = torch.tensor([[1.0, 0], [0, 1.0], [-1.0, 0], [0, -1.0]])
    target = unit(torch.tensor([[1.0, -0.2], [-0.2, 1.0], [1.0, 1.0], [-1.0, -1.0]]))
    got = match_keypoints(source, target, (2, 2), 8, torch.tensor([[4.0, 0.0], [4.0, 1.9]]))
    assert got["per_point"].tolist() == [[0.5, 6.5], [0.5, 6.5]]


@pytest.mark.parametrize(("grid", "side"), [((4, 4), 64), ((14, 14), 224), ((4, 4), 28), ((4, 4), 4)])
def test_the_border_is_a_plateau_and_its_first_pixel_wins(grid, side):
    cells, patch = grid[0] * grid[1], side // grid[0]
    end = side - patch + patch // 2
    places = {0: (0, 0), grid[1] - 1: (end, 0), cells - grid[1]: (0, end), cells - 1: (end, end)}
    generator = torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(cells, 8, generator=generator)
    for cell, expected in places.items():
        target = noise.clone()
        target[cell, 0] = 1
        source = torch.zeros(cells, 8)
        source[:, 0] = 1
        got = match_keypoints(source, target, grid, side, torch.tensor([[3.0, 3.0]]))
        assert tuple(got["pooled_by_category"][0].tolist()) == expected
        assert tuple((got["per_point"][0] - 0.5).tolist()) == expected


def test_equal_tokens_are_won_by_the_first():
    source = torch.ones(9, 1)
    got = match_keypoints(source, torch.ones(9, 1), (3, 3), 48, torch.tensor([[20.0, 20.0]]))
    assert got["pooled_by_category"].tolist() == [[0, 0]]


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([(4, 32), (7, 14), (5, 25)]), st.integers(0, 10**6))
def test_an_image_is_matched_with_itself(shape, seed):
    cells, side = shape
    generator = torch.Generator().manual_seed(seed)
    tokens = unit(torch.randn(cells**2, 512, generator=generator))
    points = torch.rand(6, 2, generator=generator) * side
    for found in match_keypoints(tokens, tokens, (cells, cells), side, points).values():
        assert (found - points).abs().max() <= side / cells + 1


def test_half_precision_tokens_are_computed_in_float32():
    generator = torch.Generator().manual_seed(0)
    tokens = unit(torch.randn(16, 64, generator=generator)).half()
    points = torch.tensor([[5.0, 5.0], [20.0, 9.0]])
    got = match_keypoints(tokens, tokens, (4, 4), 32, points)
    expected = match_keypoints(tokens.float(), tokens.float(), (4, 4), 32, points)
    assert torch.equal(got["pooled_by_category"], expected["pooled_by_category"])


def test_a_patch_grid_that_does_not_divide_the_image():
    with pytest.raises(ValueError, match="4 x 4 does not divide an image of 30"):
        match_keypoints(torch.eye(16), torch.eye(16), (4, 4), 30, torch.zeros(1, 2))
