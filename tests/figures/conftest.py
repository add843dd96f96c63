"""Synthetic tables, maps and comparisons, written once; every figure of the small set is drawn once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.figures.synthetic import DEMO, RANDOM, SMALL, TWENTY, write_files
from workflow_scripts.figures import catalogue, read
from workflow_scripts.figures.save import draw_data


@pytest.fixture(scope="session")
def small_files(tmp_path_factory):
    """Models that differ in depth, heads, grid (one not square) and prefix, one untrained; a random baseline."""
    return write_files(tmp_path_factory.mktemp("small"), (*SMALL, RANDOM))


@pytest.fixture(scope="session")
def small(small_files):
    """The same, read: every analysis in the models' tables."""
    tables = [path for paths in small_files.tables.values() for path in paths]
    return read.load(tables, small_files.maps, small_files.cka)


@pytest.fixture(scope="session")
def drawn_small(small):
    """A function that draws a figure of the small set, each figure once."""
    done = {}

    def draw(name):
        if name not in done:
            done[name] = draw_data(catalogue.figure("thesis", name), small)
        return done[name]

    return draw


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory):
    """Eight models of six layers, one untrained, and the random baseline."""
    return write_files(tmp_path_factory.mktemp("demo"), (*DEMO, RANDOM))


@pytest.fixture(scope="session")
def twenty_files(tmp_path_factory):
    """Twenty models of up to 32 layers of 16 heads, on small patch grids so that the tests stay quick; no baseline."""
    return write_files(tmp_path_factory.mktemp("twenty"), [replace(shape, rows=4, columns=5) for shape in TWENTY])
