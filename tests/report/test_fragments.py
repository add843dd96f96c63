"""Tables as HTML and as LaTeX fragments: structure, escaping, and the tables of claims."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.latex import latex_columns, latex_rows
from tests.report.page import Page
from workflow_scripts.report.claims import Claim, Claims, claim_fragments
from workflow_scripts.report.fragments import Cell, Column, Fragment, escape_latex, to_html, to_latex

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
    text = to_latex(TABLE)
    rows = latex_rows(text)
    assert latex_columns(text) == ["l", "r", r"p{0.3\textwidth}"]
    assert [len(row) for row in rows] == [3, 3, 3]
    assert rows[1][1].strip() == r"\textbf{0.5} (9)"
    assert "0.4 to 0.6" not in text
    assert "()" not in text
    assert r"\label{tab:some_table}" in text


@given(st.text(alphabet=SPECIAL + "ab\n", max_size=20), st.text(alphabet=SPECIAL + "ab\n", max_size=20))
def test_any_text_keeps_the_table_whole(first, second):
    table = dataclasses.replace(TABLE, caption=f"c {first}", rows=((Cell(first), Cell(second, second), Cell(first)),))
    assert [len(row) for row in latex_rows(to_latex(table))] == [3, 3]
    Page(to_html(table))


def test_escapes_one_by_one():
    assert escape_latex("50 % & x_1 #2 $3 {a}") == r"50 \% \& x\_1 \#2 \$3 \{a\}"
    assert escape_latex("\\~^") == r"\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert escape_latex("a\n  b") == "a b"
    assert escape_latex("\N{EM DASH} \N{EN DASH} \N{MINUS SIGN} \N{MULTIPLICATION SIGN}") == r"--- -- $-$ $\times$"
    assert escape_latex("MoCo-v3, ViT-B/16 (k = 20)") == "MoCo-v3, ViT-B/16 (k = 20)"


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


@pytest.mark.parametrize("demo", [True, False])
def test_claims_as_a_table_for_each_part(demo):
    claims = [
        Claim(f"c.{i}", part, f"Statement {i}.", "", f"Table {i}", "holds", f"Reason {i}.", rule, ())
        for i, (part, rule) in enumerate([("Attention", "Holds if."), ("Downstream tasks", "")] + 6 * [("Attention", "")])
    ]
    fragments = claim_fragments(Claims(demo, tuple(claims)))
    assert [fragment.label for fragment in fragments] == [
        "claims_attention_1",
        "claims_attention_2",
        "claims_downstream_tasks_1",
    ]
    assert [cell.text for cell in fragments[0].rows[0]] == ["Statement 0.", "holds", "Reason 0. Holds if."]
    assert [cell.text for cell in fragments[0].rows[1]] == ["Statement 2.", "holds", "Reason 2."]
    assert [len(fragment.rows) for fragment in fragments] == [6, 1, 1]
    assert fragments[1].rows[0][0].text == "Statement 7."
    assert ["continued" in fragment.caption for fragment in fragments] == [False, True, False]
    assert all(("neither confirm nor refute" in fragment.caption) == demo for fragment in fragments)
    assert (fragments[0].columns[1].heading == "In the demo world") == demo
    for fragment in fragments:
        assert len(latex_columns(to_latex(fragment))) == 3
        assert {len(row) for row in latex_rows(to_latex(fragment))} == {3}
