"""Tables as HTML and as LaTeX fragments: structure and escaping."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.latex import latex_columns, latex_rows
from tests.report.page import Page
from workflow_scripts.report.fragments import Cell, Column, Fragment, to_html
from workflow_scripts.report.latex.tables import LONGEST, to_latex

SPECIAL = '\\ { } $ & # % _ ~ ^ < > | " [ * \N{EM DASH} \N{MULTIPLICATION SIGN} \N{LESS-THAN OR EQUAL TO}'
TABLE = Fragment(
    label="some_table",
    caption=f"Some table. With {SPECIAL}",
    columns=(Column("Model"), Column("Score & more", number=True), Column("Words", width=0.3)),
    rows=(
        (Cell("[a]", dot="supervised"), Cell("0.5", "9", "0.4 to 0.6", strong=True), Cell(SPECIAL)),
        (Cell("*b"), Cell("—"), Cell("<b>\n bold")),
    ),
)


def test_latex_is_a_whole_table_with_as_many_cells_as_columns():
    text = to_latex(TABLE, "study-")
    rows = latex_rows(text)
    assert latex_columns(text) == ["l", "S[table-format=1.1", r"p{0.3\linewidth}"]
    assert [len(row) for row in rows] == [3, 3, 3, 3]
    assert rows[1][1].strip() == r"\bfseries 0.5 {~(9)}"
    assert rows[2][1].strip() == r"{\scriptsize 0.4 to 0.6}"
    assert rows[3][1].strip() == "{---}"
    assert "()" not in text
    assert r"\label{tab:study-some_table}" in text


def test_numbers_align_and_keep_their_signs():
    columns = (Column("Model"), Column("a", number=True), Column("b", number=True), Column("c", number=True))
    rows = tuple((Cell("m"), *map(Cell, row)) for row in (("+0.22", "7", "12x12"), ("\N{MINUS SIGN}10.5", "1234", "6x6")))
    text = to_latex(Fragment("t", "c", columns, rows))
    assert latex_columns(text) == ["l", "S[table-format=+2.2", "S[table-format=4.0", "r"]
    assert "retain-explicit-plus=true" in text
    assert [cell.strip() for cell in latex_rows(text)[2]] == ["m", "-10.5", "1234", "6x6"]


def test_a_long_table_goes_over_pages():
    rows = TABLE.rows[1:] * (LONGEST + 1)
    assert r"\begin{longtable}" in to_latex(dataclasses.replace(TABLE, rows=rows))
    assert r"\begin{longtable}" not in to_latex(dataclasses.replace(TABLE, rows=rows[:-1]))


@given(st.text(alphabet=SPECIAL + "ab\n", max_size=20), st.text(alphabet=SPECIAL + "ab\n", max_size=20))
def test_any_text_keeps_the_table_whole(first, second):
    table = dataclasses.replace(TABLE, caption=f"c {first}", rows=((Cell(first), Cell(second, second), Cell(first)),))
    assert {len(row) for row in latex_rows(to_latex(table))} == {3}
    Page(to_html(table))


def test_html_is_an_accessible_table():
    page = Page(to_html(TABLE))
    assert page.all("div") == [
        {"class": "scroll", "role": "region", "aria-label": "Some table, scrolls sideways", "tabindex": "0"}
    ]
    assert len(page.all("caption")) == 1
    assert [head["scope"] for head in page.all("th")] == ["col"] * 3 + ["row"] * 2
    assert [cell.get("class") for cell in page.all("td")] == ["number", None] * 2
    assert len(page.all("strong")) == 1
    assert "0.5 (9)0.4 to 0.6" in page.text
    assert page.all("b") == []
    assert "<b>" in page.text
    assert {"class": "dot supervised", "aria-hidden": "true"} in page.all("span")


def test_a_row_of_another_length_is_a_defect():
    with pytest.raises(ValueError, match="some_table: a row of 1 cells under 3 columns"):
        dataclasses.replace(TABLE, rows=((Cell("a"),),))
