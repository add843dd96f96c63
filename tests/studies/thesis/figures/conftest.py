"""The figures' synthetic files; every figure of the small set is drawn once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.figures.conftest import small, small_files  # noqa: F401 the fixtures of the drawing kit
from tests.figures.synthetic import DEMO, RANDOM, TWENTY, drawing_of, write_files
from workflow_scripts.figures.save import draw
from workflow_scripts.studies.found import find_study


@pytest.fixture(scope="session")
def drawn_small(small):  # noqa: F811
    """A function that draws a figure of the small set, each figure once."""
    done = {}

    def drawn(name):
        if name not in done:
            done[name] = draw(drawing_of(find_study("thesis").figure(name)), small)
        return done[name]

    return drawn


@pytest.fixture(scope="session")
def demo_files(tmp_path_factory):
    """Eight models of six layers, one untrained, and the random baseline."""
    return write_files(tmp_path_factory.mktemp("demo"), (*DEMO, RANDOM))


@pytest.fixture(scope="session")
def twenty_files(tmp_path_factory):
    """Twenty models of up to 32 layers of 16 heads, on small patch grids so that the tests stay quick; no baseline."""
    return write_files(tmp_path_factory.mktemp("twenty"), [replace(shape, rows=4, columns=5) for shape in TWENTY])
