"""Synthetic tables and maps, written once."""

from __future__ import annotations

import pytest

from tests.figures.synthetic import RANDOM, SMALL, TWENTY, write_maps, write_model_table
from workflow_scripts.figures import data


@pytest.fixture(scope="session")
def small_files(tmp_path_factory):
    """Tables and maps of models that differ in depth, heads, grid (one not square) and prefix; a random baseline."""
    folder = tmp_path_factory.mktemp("small")
    tables = [write_model_table(folder / "tables", shape) for shape in (*SMALL, RANDOM)]
    maps = [write_maps(folder / "maps", shape) for shape in (*SMALL, RANDOM)]
    return tables, maps


@pytest.fixture(scope="session")
def small(small_files):
    """The same, read."""
    return data.load(*small_files)


@pytest.fixture(scope="session")
def twenty(tmp_path_factory):
    """Twenty models of up to 32 layers of 16 heads, on small patch grids so that the tests stay quick."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("twenty")
    shapes = [replace(shape, rows=4, columns=5) for shape in TWENTY]
    tables = [write_model_table(folder / "tables", shape) for shape in shapes]
    return data.load(tables, [write_maps(folder / "maps", shape) for shape in shapes])
