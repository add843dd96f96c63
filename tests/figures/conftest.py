"""Synthetic tables, maps and comparisons of a small set of models, written once."""

from __future__ import annotations

import pytest

from tests.figures.synthetic import RANDOM, SMALL, read_all, write_files


@pytest.fixture(scope="session")
def small_files(tmp_path_factory):
    """Models that differ in depth, heads, grid (one not square) and prefix, one untrained; a random baseline."""
    return write_files(tmp_path_factory.mktemp("small"), (*SMALL, RANDOM))


@pytest.fixture(scope="session")
def small(small_files):
    """The same, read: every analysis in the models' tables."""
    return read_all(small_files, "thesis")
