"""The figures' descriptions: all of the study's, in its order, each drawn by a module of its own or by the kit."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.thesis import figures

STUDY = find_study("thesis")
TABLES = {"attention", "clustering", "knn", "retrieval", "video", "keypoints", "residual"}


def test_every_module_draws_a_figure_and_every_figure_is_drawn():
    modules = {path.stem for path in Path(figures.__file__).parent.glob("*.py")} - {"__init__"}
    assert modules == {figure.name for figure in STUDY.figures if not figure.draw}
    assert len({figure.key for figure in STUDY.figures}) == len(STUDY.figures)
    for name in modules:
        assert importlib.import_module(f"workflow_scripts.studies.thesis.figures.{name}").draw.__doc__


def test_every_figure_of_the_study_is_there_once():
    """2.1 to 2.31, a range such as 2.11-2.12 standing for all of it."""
    found = []
    for figure in STUDY.figures:
        ends = [int(number.removeprefix("2.")) for number in figure.number.split("-")] if figure.number else []
        found += range(ends[0], ends[-1] + 1) if ends else []
    assert sorted(found) == list(range(1, 32))


def test_sections_stand_together_in_the_order_of_the_study():
    sections = [figure.section for figure in STUDY.figures]
    assert list(dict.fromkeys(sections)) == ["Overview", "Attention", "Features", "Downstream tasks"]
    assert sections == sorted(sections, key=["Overview", "Attention", "Features", "Downstream tasks"].index)


def test_every_figure_reads_something_that_exists():
    for figure in STUDY.figures:
        assert figure.analyses
        assert set(figure.tables) <= TABLES
        assert set(figure.maps) <= {"attention"}
        assert set(figure.pairs) <= {"cka"}
    assert set().union(*(figure.tables for figure in STUDY.figures)) == TABLES


def test_texts_are_whole_sentences():
    for figure in STUDY.figures:
        assert not figure.title.endswith(".")
        for text in (figure.caption, figure.found):
            assert text.endswith((".", '"'))
            assert "  " not in text
            assert "{" not in text


def test_wrong_name_suggests_the_nearest():
    with pytest.raises(AtlasError, match="no figure 'thesis/atention_distance'; did you mean 'thesis/attention_distance'"):
        STUDY.figure("atention_distance")
