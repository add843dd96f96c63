"""What the numbers of a figure are measured of, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.common.study import Analysis, Count, Figure, Score
from workflow_scripts.report.sample_sizes import sample_sizes
from workflow_scripts.studies.found import find_study


def analysis(name, **counts):
    return Analysis("x", name, name, {}, {}, over_models=False, maps=False, fits=(), needs={}, counts=counts)


QUERIES = Count("queries", "queries")
ANALYSES = {
    "knn": analysis("knn", all=Count("images", "images")),
    "retrieval": analysis("retrieval", all=QUERIES),
    "parts": analysis("parts", object=Count("objects", "images"), part=Count("parts", "images")),
    "silent": analysis("silent"),
}
STUDY = replace(
    find_study("thesis"),
    analyses=ANALYSES,
    scores={"knn": Score("knn", "knn", "accuracy", "cls"), "map": Score("map", "retrieval", "precision", "cls")},
)


def said(tables, **columns):
    figure = Figure("x", "y", "1", "s", "t", "c", "f", tables=tables)
    return sample_sizes(STUDY, figure, pd.DataFrame({"value": [0.5, 0.6]} | columns))


@pytest.mark.parametrize(
    ("n", "words"),
    [([320, 320], "320 images"), ([1, 1], "1 image"), ([40, 1320], "40 to 1,320 images"), ([9, np.nan], "9 images")],
)
def test_one_kind_of_thing_is_one_number_or_a_range(n, words):
    assert said(("knn",), metric="accuracy", facet="cls", n=n) == f"n = {words}."


def test_intervals_are_over_what_the_study_says():
    measured = {"metric": "purity", "facet": ["object", "part"], "n": [14, 30]}
    assert said(("parts",), **measured, ci_low=[0.1, 0.2]) == "n = 14 objects and 30 parts; 95 % intervals over images."
    assert said(("parts",), **measured, ci_low=[0.1, np.nan]) == "n = 14 objects, 95 % intervals over images; n = 30 parts."
    assert said(("parts",), **measured, ci_low=np.nan) == "n = 14 objects and 30 parts."


def test_numbers_of_several_analyses_have_each_its_own():
    rows = {"metric": ["accuracy", "precision"], "facet": "cls", "n": [320, 40], "ci_low": 0.1}
    assert said(("knn", "retrieval"), **rows) == (
        "n = 320 images (accuracy), 95 % intervals over images; n = 40 queries (precision), 95 % intervals over queries."
    )


def test_where_it_is_not_known_nothing_is_said():
    assert said(("knn",), metric="accuracy", facet="cls") == ""
    assert said(("silent",), metric="accuracy", facet="cls", n=5) == ""
    assert said(("knn", "retrieval"), metric="unknown", facet="cls", n=5) == ""
    assert said(("knn",), metric="accuracy", facet="cls", n=np.nan) == ""
    assert sample_sizes(STUDY, Figure("x", "y", "1", "s", "t", "c", "f", tables=("knn",)), None) == ""


def test_rows_without_metric_are_of_the_only_analysis():
    assert said(("knn",), n=[3, 3]) == "n = 3 images."
