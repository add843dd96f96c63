"""One spelling for every path, and a word on those that nothing can carry."""

from pathlib import Path

import pytest

from workflow_scripts.common.paths import path_problem, tidy


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("r/", "r"),
        ("./r", "r"),
        (".//r///s/", "r/s"),
        ("../r", "../r"),
        ("/r/", "/r"),
        ("//r", "/r"),
        ("r/./s", "r/s"),
        ("my r", "my r"),
        ("~/r", str(Path.home() / "r")),
        ("a/-r", "a/-r"),
        ("~nobody-of-this-name/r", "~nobody-of-this-name/r"),
    ],
)
def test_tidy(written, spelled):
    assert tidy(written) == spelled
    assert tidy(spelled) == spelled


def test_a_leading_dash_is_no_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tidy("-r/s") == f"{tmp_path}/-r/s"


@pytest.mark.parametrize("path", ["my r", "it's", 'a"b', "a&b;c", "$(touch x)", "`x`", "#", "*", "é", "日本", "a" * 200, "-x"])
def test_what_can_be_carried(path):
    assert path_problem(path) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("a\nb", "cannot be printed"),
        ("a\tb", "cannot be printed"),
        ("a\0b", "cannot be printed"),
        ("a\u2028b", "cannot be printed"),
        ("a\udce9b", "cannot be printed"),
        ("a{b", "brace"),
        ("a}b", "brace"),
        ("a" * 201, "too long"),
        ("é" * 101, "too long"),
        ("a/" * 1501, "too long"),
    ],
)
def test_what_cannot_be_carried(path, why):
    assert why in path_problem(path)
