"""Offsets and head kinds on maps whose answer is known by construction."""

import numpy as np
import pytest
import torch

from workflow_scripts.metrics import heads
from workflow_scripts.metrics.attention import aligned_attention, top_token_share

GRID = (8, 8)


def attention_of(rule, grid=GRID):
    """Row-normalised attention [N, N] of a rule(dy, dx, row, column of the destination) -> weight."""
    rows, columns = grid
    n = rows * columns
    a = np.zeros((n, n))
    for s, t in np.ndindex(n, n):
        a[s, t] = rule(t // columns - s // columns, t % columns - s % columns, t // columns, t % columns)
    return a / a.sum(1, keepdims=True)


def kind_of(rule, grid=GRID):
    a = attention_of(rule, grid)
    patches = torch.tensor(a)[None, None]
    aligned = aligned_attention(patches, grid)[0].numpy()
    return str(heads.head_kinds(aligned, top_token_share(patches)[0, 0].numpy(), grid))


def gauss(dy, dx, sy, sx):
    return np.exp(-(dy**2) / (2 * sy**2) - dx**2 / (2 * sx**2))


@pytest.mark.parametrize("grid", [(8, 8), (14, 14), (6, 10)])
@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("strict_local", lambda dy, dx, r, c: gauss(dy, dx, 0.35, 0.35) + 1e-4),
        ("soft_local", lambda dy, dx, r, c: gauss(dy, dx, 1.0, 1.0) + 1e-4),
        ("offset_local", lambda dy, dx, r, c: gauss(dy, dx - 1.5, 0.6, 0.6) + 1e-4),
        ("offset_local", lambda dy, dx, r, c: gauss(dy + 1.2, dx + 1.2, 0.6, 0.6) + 1e-4),
        ("axial_local", lambda dy, dx, r, c: float(dy == 0) + 1e-5),
        ("axial_local", lambda dy, dx, r, c: float(dx == 0) + 1e-5),
        ("global", lambda dy, dx, r, c: 1.0),
        ("global", lambda dy, dx, r, c: 1.0 + 0.1 * r),
        ("sparse_repeating", lambda dy, dx, r, c: 1.0 if (r, c) in {(1, 1), (4, 3)} else 0.005),
    ],
)
def test_kinds_by_construction(kind, rule, grid):
    assert kind_of(rule, grid) == kind


def disc(radius, shift):
    return lambda dy, dx, r, c: float(dy**2 + (dx - shift) ** 2 <= radius**2)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("soft_local", disc(7, 1)),  # local, off by a patch, but nowhere in particular
        ("displaced", disc(4, 3)),  # local and far off, but a disc of 49 cells is no place
        ("displaced", lambda dy, dx, r, c: 1.0 + 3 * (dx > 0)),  # to the right, as far as the grid goes
        ("offset_local", lambda dy, dx, r, c: gauss(dy - 2, dx + 3, 0.5, 0.5) + 1e-4),
        # A neighbour gets most, the rest goes everywhere: local by its window, though its reach is global.
        ("offset_local", lambda dy, dx, r, c: float((dy, dx) == (0, 2)) + 0.3 / 196),
        ("offset_local", lambda dy, dx, r, c: float((dy, dx) == (0, 1)) + 0.4 / 196),
        ("soft_local", lambda dy, dx, r, c: gauss(dy, dx - 0.3, 0.9, 0.9)),  # off by less than it takes
        ("axial_local", lambda dy, dx, r, c: float((dy, dx) in {(0, 1), (0, -1)}) + 1e-6),  # to both sides: no offset
        ("axial_local", lambda dy, dx, r, c: float(dy == 1) + 1e-5),
    ],
)
def test_offset_and_locality_are_told_apart(kind, rule):
    assert kind_of(rule, (14, 14)) == kind


@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (9, 28)])
def test_noise_is_global(grid):
    maps = np.random.default_rng(0).random((1, 12, grid[0] * grid[1], grid[0] * grid[1]))
    patches = torch.tensor(maps / maps.sum(-1, keepdims=True))
    kinds = heads.head_kinds(aligned_attention(patches, grid).numpy(), top_token_share(patches)[0].numpy(), grid)
    assert set(kinds) == {"global"}


def test_peak_by_hand():
    aligned = np.zeros((3, 7, 9))  # a grid of 4 x 5, the source at row 3, column 4, a patch = 1/4
    aligned[0, 1, 6], aligned[0, 1, 7], aligned[0, 6, 0] = 6, 2, 2  # two up, two to the right; a neighbour; far away
    aligned[1, 0, 0], aligned[1, 6, 8] = 5, 4  # in the corner: the window reaches beyond the map
    aligned[2, 3, 3], aligned[2, 3, 8] = 1, 1  # two equal maxima: the nearer one counts
    found = heads.peak(aligned)
    assert found.x.tolist() == pytest.approx([2 / 4, -1, -1 / 4])
    assert found.y.tolist() == pytest.approx([-2 / 4, -3 / 4, 0])
    assert found.share.tolist() == pytest.approx([0.8, 5 / 9, 0.5])
    assert found.distance.tolist() == pytest.approx([np.hypot(0.5, (2 * 3 + 3) / 4 / 4), 1.25, 0.25])
    assert [float(value) for value in heads.peak(np.zeros((5, 5)))] == [0, 0, 0, 0]


def test_the_window_around_a_peak_grows_with_the_grid():
    assert [heads.peak_radius(*grid) for grid in ((7, 7), (14, 14), (20, 14), (28, 28), (32, 32))] == [1, 1, 2, 2, 3]


def test_peak_equals_brute_force():
    maps = np.random.default_rng(0).random((2, 3, 11, 15)) ** 4
    found = heads.peak(maps)
    for index in np.ndindex(2, 3):
        y, x = np.unravel_index(maps[index].argmax(), (11, 15))
        rows, columns = np.ogrid[:11, :15]
        window = maps[index] * ((abs(rows - y) <= 1) & (abs(columns - x) <= 1))
        centre = [(window * (axis - middle)).sum() / window.sum() / 7 for axis, middle in ((rows, 5), (columns, 7))]
        expected = [(x - 7) / 7, (y - 5) / 7, window.sum() / maps[index].sum(), np.hypot(*centre)]
        assert [float(value[index]) for value in found] == pytest.approx(expected)


def test_relative_reach():
    uniform = heads.uniform_aligned(5, 8)
    assert heads.relative_reach(np.stack([uniform, 3 * uniform])) == pytest.approx([1, 1])
    here = np.zeros((9, 15))
    here[4, 7] = 1
    assert heads.relative_reach(here) == 0


def test_average_offset_by_hand():
    aligned = np.zeros((3, 5, 7))
    aligned[0, 2, 3] = 5  # on the source
    aligned[1, 2, 6] = 2  # three patches to the right, on a grid of 4 columns
    aligned[2, 0, 3] = 1  # two patches up
    before = aligned.copy()
    x, y, distance = heads.average_offset(aligned)
    assert x.tolist() == pytest.approx([0, 1, 0])
    assert y.tolist() == pytest.approx([0, 0, -2 / 3])
    assert distance.tolist() == pytest.approx([0, 1, 2 / 3])
    assert (aligned == before).all()


def test_an_empty_map_has_no_offset():
    assert [float(v) for v in heads.average_offset(np.zeros((5, 5)))] == [0, 0, 0]


def test_uniform_aligned_is_what_uniform_attention_gives():
    a = torch.full((1, 1, 12, 12), 1 / 12, dtype=torch.float64)
    assert np.allclose(heads.uniform_aligned(3, 4), aligned_attention(a, (3, 4))[0])


def test_offset_does_not_depend_on_scale():
    maps = np.random.default_rng(0).random((4, 9, 9))
    for one, other in zip(heads.average_offset(maps), heads.average_offset(maps * 17), strict=True):
        assert np.allclose(one, other)
