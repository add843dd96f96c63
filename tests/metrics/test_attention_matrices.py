"""One attention matrix: the information is that of the collectors, a twentieth of the entries is drawn, places are cells."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.attention_matrices import binarised, matrix_information, query_cells
from workflow_scripts.metrics.locality import information


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 20), st.sampled_from([0.0, 1.0, 8.0]))
def test_information_is_that_of_the_collectors(seed, cells, sharpness):
    weights = np.exp(sharpness * np.random.default_rng(seed).normal(size=(cells, cells)))
    matrix = weights / weights.sum(-1, keepdims=True)
    assert matrix_information(matrix) == pytest.approx(float(information(torch.tensor(matrix))), abs=1e-9)


def test_stripes_hold_nothing_and_a_diagonal_all_there_is():
    assert matrix_information(np.tile([0.5, 0.25, 0.25, 0], (4, 1))) == 0
    assert matrix_information(np.eye(7, dtype=np.float32)) == pytest.approx(math.log(7))


def test_a_twentieth_of_the_entries_is_drawn():
    matrix = np.random.default_rng(0).permutation(400).reshape(20, 20).astype(np.float32)
    drawn = binarised(matrix)
    assert drawn.dtype == bool
    assert set(matrix[drawn]) == set(range(380, 400))
    assert not binarised(np.ones((5, 5))).any()
    assert binarised(matrix, 50).sum() == 200


def test_the_cells_of_queries():
    assert query_cells([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5], [0.49, 0.99]], (2, 4)) == [0, 3, 4, 7, 6, 5]
    assert query_cells([], (2, 4)) == []
    with pytest.raises(AtlasError, match=r"query at \[0.2, 14\].*choose numbers from 0 to 1"):
        query_cells([[0.5, 0.5], [0.2, 14]], (2, 4))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from([50.0, 90.0, 95.0]))
def test_entries_that_are_drawn_are_the_largest_and_no_more_than_the_percentile_leaves(seed, side, percentile):
    matrix = np.random.default_rng(seed).integers(0, 50, (side, side)).astype(np.float32)
    drawn = binarised(matrix, percentile)
    assert drawn.sum() <= (1 - percentile / 100) * matrix.size + 1
    if drawn.any() and not drawn.all():
        assert matrix[drawn].min() > matrix[~drawn].max()
