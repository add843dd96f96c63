"""Origins of patches against exact fractions, the definition's bounds and turned arrays; categories against a loop."""

from fractions import Fraction
from math import cos, floor, radians, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.metrics.patch_retrieval import (
    CATEGORIES,
    NOWHERE,
    category_counts,
    retrieved_categories,
    rotated_cells,
    scaled_cells,
    shifted_cells,
    upper_bound,
)

BOUNDS = [
    ("rotation", (5, 10, 15, 20), 14, (0.980, 0.918, 0.918, 0.878)),
    ("rotation", (5, 10, 15, 20), 16, (0.969, 0.938, 0.906, 0.891)),
    ("scale", ("0.8", "0.9", "1.1", "1.2"), 14, (0.735, 0.735, 1, 1)),
    ("scale", ("0.8", "0.9", "1.1", "1.2"), 16, (0.5625, 0.766, 1, 1)),
    ("shift", (1, 2, 3, 4), 14, (1, 1, 1, 1)),
    ("shift", (1, 2, 3, 4), 16, (1, 1, 1, 1)),
]


def origins(kind, level, cells):
    return {
        "shift": lambda: shifted_cells(level, 224, cells),
        "scale": lambda: scaled_cells(level, cells),
        "rotation": lambda: rotated_cells(level, cells),
    }[kind]()


def centre(patch, cells):
    """Centre (x, y) of a patch of a tile of 224 pixels."""
    return tuple(Fraction(224 * (2 * place + 1), 2 * cells) for place in (patch % cells, patch // cells))


def cell_at(x, y, cells):
    return floor(y * cells / 224) * cells + floor(x * cells / 224) if 0 <= x < 224 and 0 <= y < 224 else NOWHERE


@pytest.mark.parametrize(("kind", "levels", "cells", "bounds"), BOUNDS)
def test_bounds_over_all_patches_are_those_of_the_definition(kind, levels, cells, bounds):
    found = [upper_bound(origins(kind, level, cells)) for level in levels]
    assert found == pytest.approx(bounds, abs=5e-4)


@pytest.mark.parametrize("cells", [14, 16])
@pytest.mark.parametrize("scale", ["0.8", "0.9", "1.1", "1.2"])
def test_scaled_centres_in_fractions_also_on_edges(scale, cells):
    expected, on_edge = [], 0
    for patch in range(cells**2):
        x, y = (112 + (place - 112) / Fraction(scale) for place in centre(patch, cells))
        on_edge += (x * cells / 224).denominator == 1 or (y * cells / 224).denominator == 1
        expected.append(cell_at(x, y, cells))
    assert scaled_cells(scale, cells).tolist() == expected
    assert on_edge == {"0.9": {14: 52, 16: 60}, "1.1": {14: 52, 16: 60}}.get(scale, {}).get(cells, on_edge)


def test_edges_by_hand():
    """At 0.9 a centre 4.5 cells from the middle goes to 5, at 1.1 one at 5.5: an edge, which the cell after it owns."""
    smaller, larger = scaled_cells("0.9", 14)[7 * 14 : 8 * 14] % 14, scaled_cells("1.1", 14)[7 * 14 : 8 * 14] % 14
    assert (smaller[11], smaller[2]) == (12, 2)
    assert (larger[12], larger[1]) == (12, 2)


@pytest.mark.parametrize("cells", [14, 16])
@pytest.mark.parametrize("degrees", [5, 10, 15, 20, -7.5])
def test_rotated_centres_and_none_is_near_an_edge(degrees, cells):
    turn, lift = cos(radians(degrees)), sin(radians(degrees))
    for patch, found in enumerate(rotated_cells(degrees, cells).tolist()):
        x, y = (float(place) - 112 for place in centre(patch, cells))
        original = 112 + turn * x - lift * y, 112 + lift * x + turn * y
        assert found == cell_at(*original, cells)
        edges = [place * cells / 224 for place in original]
        assert min(abs(edge - round(edge)) for edge in edges) > 1e-9


def test_a_quarter_turn_is_numpy_s_counter_clockwise():
    cells = np.arange(25).reshape(5, 5)
    assert rotated_cells(90, 5).reshape(5, 5).tolist() == np.rot90(cells).tolist()


@pytest.mark.parametrize("cells", [14, 16])
def test_small_shifts_stay_in_the_cell_and_larger_ones_are_turned_back(cells):
    for pixels in (1, 2, 3, 4):
        assert shifted_cells(pixels, 224, cells).tolist() == list(range(cells**2))
    moved = shifted_cells(224 // cells, 224, cells).reshape(cells, cells)  # by a whole patch, right and down
    assert (moved[0] == NOWHERE).all() and (moved[:, 0] == NOWHERE).all()
    assert moved[1:, 1:].tolist() == np.arange(cells**2).reshape(cells, cells)[:-1, :-1].tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 999))
def test_categories_equal_the_first_of_a_list_of_questions(n, seed):
    rng = np.random.default_rng(seed)
    supercategory = np.array([0, 0, 0, 1, 1])  # that of the background, label 0, means nothing
    gallery = rng.integers(0, 5, 12)
    neighbour, same, label = rng.integers(0, 12, n), rng.integers(-1, 12, n), rng.integers(1, 5, n)
    found = retrieved_categories(neighbour, same, gallery[neighbour], label, supercategory)
    expected = []
    for item, own, fine in zip(neighbour, same, label, strict=True):
        if item == own:
            expected.append("same patch")
        elif gallery[item] == fine:
            expected.append("same fine category")
        elif gallery[item] == 0:
            expected.append("background")
        elif supercategory[gallery[item]] == supercategory[fine]:
            expected.append("same supercategory")
        else:
            expected.append("other supercategory")
    assert [CATEGORIES[kind] for kind in found] == expected
    assert category_counts(found).tolist() == [expected.count(name) for name in CATEGORIES]
    assert upper_bound(same) == np.mean([own >= 0 for own in same])
    assert (found == 0).mean() <= upper_bound(same)


def test_the_same_patch_comes_first_even_where_its_label_is_background():
    found = retrieved_categories(np.array([3]), np.array([3]), np.array([0]), np.array([2]), np.array([0, 1, 1]))
    assert CATEGORIES[found[0]] == "same patch"


def test_without_queries_there_is_no_bound():
    assert np.isnan(upper_bound(np.empty(0, int)))
    assert category_counts(np.empty(0, int)).tolist() == [0] * 5
