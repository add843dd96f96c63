"""Which figures a claim's source cites, and which a figure's number stands for."""

import pytest

from workflow_scripts.report.references import cited, citing, in_the_study, matches, own_numbers
from workflow_scripts.studies.found import find_study, study_names


@pytest.mark.parametrize(
    ("source", "figures", "tables"),
    [
        ("Table 2.3; section 2.3.1; Figures 2.2, 2.11 to 2.13", {"2.2", "2.11", "2.12", "2.13"}, {"2.3"}),
        ("Section 2.4.1; Figure 2.6, left", {"2.6"}, set()),
        ("Sec. 4, 5.1; Fig. 1, Table 2", {"1"}, {"2"}),
        ("Sec. 4.2, 4.4; Figs. 8, 14", {"8", "14"}, set()),
        ("A.11; Tables 4, 5", set(), {"4", "5"}),
        ("Section 3.2.1; Figure 1b1", {"1b1"}, set()),
        ("Fig. 2; summary, Fig. 1", {"2", "summary 1"}, set()),
        ("Sec. 2.1; Fig. 3; summary", {"3"}, set()),
        ("App. A; Fig. 10; summary", {"10"}, set()),
        ("Section 2.7.4.1", set(), set()),
    ],
)
def test_sources_as_studies_write_them(source, figures, tables):
    assert cited(source) == {"figure": figures, "table": tables}


@pytest.mark.parametrize(
    ("number", "own"),
    [
        ("2.11-2.12", {"2.11", "2.12"}),
        ("4b-4c", {"4b", "4c"}),
        ("17-19", {"17", "18", "19"}),
        ("8a, 8c", {"8a", "8c"}),
        ("6 left", {"6"}),
        ("summary 2; 3 right, 7", {"summary 2", "3", "7"}),
        ("", set()),
    ],
)
def test_numbers_as_studies_give_them(number, own):
    assert own_numbers(number) == own


def test_a_whole_figure_is_all_of_its_parts_and_no_other():
    assert matches("4", "4a") and matches("4a", "4") and matches("1b1", "1b") and matches("2.3", "2.3")
    assert not matches("4a", "4b") and not matches("1", "11") and not matches("2.1", "2.11") and not matches("1", "summary 1")


def test_claims_of_the_studies_lead_to_figures():
    """Most claims cite a figure that is there; none of the studies has lost them."""
    for name in study_names():
        study = find_study(name)
        numbers = {figure.name: figure.number for figure in study.figures}
        assert citing({"a": "; ".join(f"Figure {number}" for number in ("999", "x"))}, numbers) == {"a": []}
        first = next(figure for figure in study.figures if own_numbers(figure.number))
        one = sorted(own_numbers(first.number))[0]
        source = f"summary, Figure {one.removeprefix('summary ')}" if one.startswith("summary") else f"Figure {one}"
        assert first.name in citing({"a": source}, numbers)["a"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("2.11-2.12", "Figure 2.11-2.12 of the study"),
        ("summary 3 right; 4c", "Figure 4c of the study, Figure 3 right of its summary"),
        ("summary 1", "Figure 1 of the study's summary"),
    ],
)
def test_a_number_is_said_with_what_it_is_of(number, words):
    assert in_the_study(number) == words
