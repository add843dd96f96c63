"""Majority labels and pixels of cells against loops over pixels; ties and void by hand."""

from collections import Counter
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.data.class_maps import VOID
from workflow_scripts.data.patch_labels import cell_counts, majority, nearest_rows, patch_labels, resized_labels


@pytest.mark.parametrize(("size", "seen"), [(224, 256), (14, 256), (256, 14), (256, 16), (7, 7), (5, 3), (1, 9)])
def test_a_pixel_shows_what_lies_at_its_centre(size, seen):
    expected = [floor((i + Fraction(1, 2)) * seen / size) for i in range(size)]
    assert nearest_rows(size, seen).tolist() == expected


def test_the_pixels_of_a_256_tile_belong_to_cells_by_floor_of_x_plus_half_times_14_over_256():
    cells = Counter(nearest_rows(256, 14).tolist())
    assert [int((x + 0.5) * 14 / 256) for x in range(256)] == nearest_rows(256, 14).tolist()
    assert set(cells.values()) == {18, 19} and nearest_rows(256, 16).tolist() == [x // 16 for x in range(256)]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 2), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3),
    st.integers(0, 999),
)  # fmt: skip
def test_counts_and_majorities_equal_loops(n, height, width, rows, columns, n_classes, seed):
    labels = np.random.default_rng(seed).choice([*range(n_classes), VOID], (n, height, width)).astype(np.uint8)
    counts = cell_counts(labels, (rows, columns), n_classes)
    expected = np.zeros((n, rows * columns, n_classes + 1), int)
    for (image, y, x), label in np.ndenumerate(labels):
        cell = floor((y + 0.5) * rows / height) * columns + floor((x + 0.5) * columns / width)
        expected[image, cell, n_classes if label == VOID else label] += 1
    np.testing.assert_array_equal(counts, expected)
    for found, one in zip(majority(counts).ravel(), expected.reshape(-1, n_classes + 1), strict=True):
        ranked = sorted(range(n_classes + 1), key=lambda c: (-one[c], c))
        assert found == (VOID if ranked[0] == n_classes else ranked[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(0, 999))
def test_patch_labels_are_majorities_of_blocks_of_the_resized_tile(n, seed):
    labels = np.random.default_rng(seed).integers(0, 4, (n, 32, 32)).astype(np.uint8)  # class 3 is void
    found = patch_labels(labels, (28, 28), (4, 4), 3)
    for image in range(n):
        for patch in range(16):
            block = [
                labels[image, floor((y + 0.5) * 32 / 28), floor((x + 0.5) * 32 / 28)]
                for y in range(patch // 4 * 7, patch // 4 * 7 + 7)
                for x in range(patch % 4 * 7, patch % 4 * 7 + 7)
            ]
            most = max(range(4), key=lambda c: (block.count(c), -c))
            assert found[image, patch] == (VOID if most == 3 else most)


def test_ties_all_void_and_half_void_by_hand():
    counts = np.array([[2, 2, 0], [0, 2, 2], [1, 1, 2], [0, 0, 4], [1, 0, 3], [0, 3, 1]])
    assert majority(counts).tolist() == [0, 1, VOID, VOID, VOID, 1]
    assert majority(counts).dtype == np.uint8


def test_labels_below_zero_are_void():
    assert cell_counts(np.array([[[-1, 0], [1, 7]]]), (1, 1), 2).tolist() == [[[1, 1, 2]]]


def test_a_map_of_the_same_size_is_itself():
    labels = np.arange(12).reshape(1, 3, 4)
    np.testing.assert_array_equal(resized_labels(labels, (3, 4)), labels)
