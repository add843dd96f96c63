"""Pixel matching against upsample, normalise, argmax in float64, and hand-checked cases."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate, normalize
from torch.utils._python_dispatch import TorchDispatchMode

from workflow_scripts.metrics.pixel_correspondence import Area, cosine_maps, match_pixels, pixel_references


def upsampled(tokens, grid, size):
    """[D, H, W] float64, by torch's interpolation."""
    return interpolate(tokens.double().T.reshape(1, -1, *grid), size=size, mode="bilinear", align_corners=False)[0]


def cosines(references, target, grid, size, area):
    """[K, H, W] float64 of the area, with the embeddings normalised after upsampling."""
    pixels = normalize(upsampled(target, grid, size), dim=0)[:, area.top : area.bottom, area.left : area.right]
    return torch.einsum("kd,dhw->khw", normalize(references.double(), dim=1), pixels)


def check(found, cosine, area):
    """The first largest pixel of the area, or one that differs from the largest by rounding alone."""
    column, row = (found - 0.5).round().int().tolist()
    assert found.tolist() == [column + 0.5, row + 0.5]
    assert area.top <= row < area.bottom and area.left <= column < area.right
    row, column, largest = row - area.top, column - area.left, cosine.max()
    assert cosine[row, column] >= largest - 2e-6
    flat = cosine.flatten()
    equal = flat >= largest - 1e-13
    if equal.sum() == (flat >= largest - 2e-6).sum():
        assert row * cosine.shape[1] + column == int(equal.to(torch.uint8).argmax())


@st.composite
def cases(draw):
    grid = draw(st.tuples(st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 3, 5])))
    # Patches of even, odd and fractional sides, and of one pixel or less.
    size = draw(st.tuples(st.integers(1, 26), st.integers(1, 26)))
    top, left = draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1))
    bottom, right = draw(st.integers(top + 1, size[0])), draw(st.integers(left + 1, size[1]))
    return grid, size, Area(top, left, bottom, right), draw(st.integers(2, 12)), draw(st.integers(0, 10**6))


@settings(deadline=None, max_examples=200)
@given(cases())
@example(((1, 1), (7, 4), Area(2, 1, 6, 3), 4, 0))
@example(((5, 3), (25, 18), Area(24, 17, 25, 18), 4, 0))
def test_matches_equal_brute_force(case):
    grid, size, area, width, seed = case
    generator = torch.Generator().manual_seed(seed)
    # Lengths differ, and neighbours are alike to some degree, as those of a real image are.
    source, target = torch.randn(2, grid[0] * grid[1], width, generator=generator) + torch.randn(width, generator=generator)
    target = target * torch.rand(len(target), 1, generator=generator) * 30
    points = torch.rand(4, 2, generator=generator) * torch.tensor([size[1], size[0]])
    references = pixel_references(source, grid, size, points)
    found = match_pixels(references, target, grid, size, area)
    assert found.shape == (4, 2) and found.dtype == torch.float32
    for point, cosine in zip(found, cosines(references, target, grid, size, area), strict=True):
        check(point, cosine, area)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_references_are_those_of_the_upsampled_map(case):
    grid, size, _, width, seed = case
    source = torch.randn(grid[0] * grid[1], width, generator=torch.Generator().manual_seed(seed))
    rows, columns = torch.meshgrid(torch.arange(size[0]), torch.arange(size[1]), indexing="ij")
    centres = torch.stack([columns, rows], -1).flatten(0, 1) + 0.5
    expected = upsampled(source, grid, size).flatten(1).T
    assert torch.allclose(pixel_references(source, grid, size, centres).double(), expected, atol=1e-5)


def test_references_at_and_beyond_the_border():
    tokens = torch.tensor([[1.0, 0], [0, 1.0], [3.0, 0], [0, 3.0]])
    points = torch.tensor([[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [4.0, 4.0], [4.0, 1.0]])
    expected = [[1, 0], [0, 1], [0, 3], [1, 1], [0.5, 0.5]]
    assert pixel_references(tokens, (2, 2), (8, 8), points).tolist() == expected


def test_embeddings_are_normalised_after_upsampling():
    # The long token turns the pixels next to it: half way to it the direction is nearly its own.
    target = torch.tensor([[1.0, 0], [0, 100.0]])
    reference = torch.tensor([[1.0, 1.0]])
    found = match_pixels(reference, target, (1, 2), (1, 200), Area(0, 0, 1, 200))
    # Both weigh alike at a hundred-and-first of the way between the centres at x = 50 and 150, just before x = 51.
    assert found.tolist() == [[51.5, 0.5]]
    unit = match_pixels(reference, normalize(target), (1, 2), (1, 200), Area(0, 0, 1, 200))
    assert unit[0, 0] in (99.5, 100.5)


@settings(deadline=None, max_examples=60)
@given(cases())
def test_cosine_maps_equal_brute_force(case):
    grid, size, _, width, seed = case
    generator = torch.Generator().manual_seed(seed)
    references, target = torch.randn(3, width, generator=generator), torch.randn(grid[0] * grid[1], width, generator=generator)
    target += torch.randn(width, generator=generator)
    expected = cosines(references, target, grid, size, Area(0, 0, *size))
    clear = upsampled(target, grid, size).norm(dim=0) > 0.05  # elsewhere float32 has fewer digits
    assert torch.allclose(cosine_maps(references, target, grid, size).double()[:, clear], expected[:, clear], atol=1e-4)


def test_lengths_of_references_do_not_matter():
    generator = torch.Generator().manual_seed(1)
    references, target = torch.randn(5, 8, generator=generator), torch.randn(12, 8, generator=generator)
    found = [match_pixels(references * by, target, (3, 4), (30, 40), Area(0, 0, 30, 40)) for by in (1, 64)]
    assert torch.equal(*found)


def test_the_first_of_equal_pixels_wins():
    cells = torch.zeros(9, 2)
    cells[:, 1] = 1
    references = torch.tensor([[1.0, 0.0]])
    for cell, first in ((0, (0.5, 0.5)), (2, (20.5, 0.5)), (6, (0.5, 20.5)), (8, (20.5, 20.5)), (4, (12.5, 12.5))):
        target = cells.clone()
        target[cell] = torch.tensor([1.0, 0.0])
        # Patches of 8, or of 9 pixels with a centre, whose plateau begins there.
        found = match_pixels(references, target, (3, 3), (24, 24), Area(0, 0, 24, 24))
        assert tuple(found[0].tolist()) == first or cell == 4
        middle = match_pixels(references, target, (3, 3), (27, 27), Area(0, 0, 27, 27))
        assert tuple(middle[0].tolist()) == tuple({0.5: 0.5, 12.5: 13.5, 20.5: 22.5}[at] for at in first)
    everywhere = torch.ones(9, 1)
    assert match_pixels(torch.ones(1, 1), everywhere, (3, 3), (24, 24), Area(8, 4, 24, 24)).tolist() == [[4.5, 8.5]]


def test_padding_is_not_searched():
    target = torch.eye(4)
    found = match_pixels(target, target, (2, 2), (8, 8), Area(3, 0, 8, 4))
    # The tokens of the right half and of the top row are reached as far as the area goes.
    assert found.tolist() == [[0.5, 3.5], [3.5, 3.5], [0.5, 6.5], [3.5, 6.5]]


def test_where_tokens_cancel_there_is_no_direction():
    target = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [-1.0, 0.1]])
    # Half way between the first two the embedding is zero.
    found = match_pixels(torch.tensor([[1.0, -1.0], [0.0, 0.0]]), target, (1, 3), (1, 27), Area(0, 0, 1, 12))
    assert found.isfinite().all()
    assert found[1].tolist() == [0.5, 0.5]
    dead = match_pixels(
        torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 0.1]]), (1, 3), (1, 27), Area(0, 0, 1, 27)
    )
    assert dead[0, 0] > 13


def test_bands_do_not_change_the_answer(monkeypatch):
    generator = torch.Generator().manual_seed(2)
    references, target = torch.randn(7, 16, generator=generator), torch.randn(20, 16, generator=generator)
    args = (references, target, (4, 5), (64, 80), Area(5, 9, 60, 71))
    expected = match_pixels(*args)
    for cells in (1, 1000, 1 << 30):
        monkeypatch.setattr("workflow_scripts.metrics.pixel_correspondence._AT_ONCE", {"cpu": cells})
        assert torch.equal(match_pixels(*args), expected)


def test_no_point_and_half_precision():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(16, 32, generator=generator).half()
    area, points = Area(0, 0, 32, 32), torch.tensor([[5.0, 5.0], [20.0, 9.0]])
    references = pixel_references(target, (4, 4), (32, 32), points)
    assert torch.equal(references, pixel_references(target.float(), (4, 4), (32, 32), points))
    found = match_pixels(references, target, (4, 4), (32, 32), area)
    assert torch.equal(found, match_pixels(references, target.float(), (4, 4), (32, 32), area))
    assert match_pixels(references[:0], target, (4, 4), (32, 32), area).shape == (0, 2)


class LargestTensor(TorchDispatchMode):
    """Remembers the number of elements of the largest tensor that an operation returned."""

    elements = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.elements = max(self.elements, result.numel())
        return result


def test_nothing_is_as_large_as_an_upsampled_map_of_embeddings():
    largest = []
    for width in (8, 512):
        references, target = torch.ones(10, width), torch.ones(36, width)
        with LargestTensor() as seen:
            match_pixels(references, target, (6, 6), (480, 480), Area(0, 0, 480, 480))
        largest.append(seen.elements)
    assert largest[0] == largest[1] < 2 * 480**2


@pytest.mark.parametrize("area", [Area(0, 0, 0, 4), Area(0, 0, 9, 4), Area(-1, 0, 4, 4), Area(0, 5, 4, 4)])
def test_an_area_that_is_not_in_the_image(area):
    with pytest.raises(ValueError, match="does not lie in an image of 8 x 4 pixels"):
        match_pixels(torch.ones(1, 1), torch.ones(1, 1), (1, 1), (8, 4), area)
