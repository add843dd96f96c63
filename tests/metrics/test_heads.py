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
