"""Tables as HTML and as LaTeX fragments: structure, escaping, and the layout of the summary tables."""

import dataclasses
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.page import Page
from tests.studies.thesis.made_up_study import entry
from tests.studies.test_thesis_summary import scores
from workflow_scripts.common.table import make_table
from workflow_scripts.report.claims import Claim, Claims, claim_fragments
from workflow_scripts.report.fragments import Cell, Column, Fragment, escape_latex, to_html, to_latex
from workflow_scripts.report.thesis_tables import best_layers_fragment, dense_against_normal_fragment, models_fragment
from workflow_scripts.common.run_model import read_models
from workflow_scripts.studies.thesis.summary import best_layers, dense_against_normal

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


def latex_rows(text):
    """Return the cells of each row, after checking that the fragment is whole."""
    lines = text.strip().splitlines()
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"]
    bare = re.sub(r"\\[\\{}$&#%_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[%#]", bare)
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    assert len(re.findall(r"\\caption\{", text)) == len(re.findall(r"\\label\{tab:\w+\}", text)) == 1
    body = lines[lines.index(r"\toprule") + 1 : lines.index(r"\bottomrule")]
    rows = [line for line in body if line != r"\midrule"]
    assert all(row.endswith(r" \\") for row in rows)
    assert not any(row.lstrip().startswith(("[", "*")) for row in rows)  # would be an option of the line break before
    return [re.split(r"(?<!\\)&", row.removesuffix(r" \\")) for row in rows]


def latex_columns(text):
    spec = re.search(r"\\begin\{tabular\}\{@\{\}(.*)@\{\}\}", text).group(1)
    return re.findall(r"l|r|p\{[\d.]+\\textwidth\}", spec)


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


def models(**source):
    more = {"checkpoint": {"source": {"type": "demo"}}} if source.get("demo") else {}
    entries = {"noise": entry("Random", "none"), "b": entry("FS", "ViT-B/16", **more), "a": entry("DINO", "ViT-S/8", patch=8)}
    return read_models(json.dumps(entries))


ROWS = [
    *scores("knn", "a", [0.2, 0.51234]),
    *scores("knn", "b", [0.7]),
    *scores("knn", "noise", [0.9, 0.7]),
    *scores("video", "a", [0.5, 0.5]),
    *scores("keypoints", "a", [0.1, 0.1234]),
    *scores("normal", "a", [0.4, 0.6]),
    *scores("retrieval", "a", [0.2, 0.1], "roxford"),
    *scores("retrieval", "a", [0.2, 0.3], "rparis"),
]


def texts(fragment):
    return [[(cell.text, cell.note, cell.strong) for cell in row] for row in fragment.rows]


def test_best_layers_as_the_study_lays_them_out():
    run = models()
    fragment = best_layers_fragment(best_layers(make_table(ROWS), run), run)
    assert [column.heading for column in fragment.columns] == [
        "Model", "k-NN top-1 (%)", "Retrieval mAP, roxford", "Retrieval mAP, rparis", "Video J&F", "Keypoints PCK@0.1 (%)",
    ]  # fmt: skip
    missing = ("—", "", False)
    assert texts(fragment) == [
        [("FS B/16", "", False), ("70.0", "1", True), missing, missing, missing, missing],
        [
            ("DINO S/8", "", False), ("51.2", "2", False), ("0.20", "1", True), ("0.30", "2", True), ("0.50", "1", True),
            ("12.3", "2", True),
        ],
        # The noise is last, without a layer, and never the best.
        [("Random none", "", False), ("80.0", "", False), missing, missing, missing, missing],
    ]  # fmt: skip
    assert fragment.rows[1][1].interval == "41.2 to 61.2"
    assert "k-NN top-1: d; Retrieval mAP: roxford; Retrieval mAP: rparis; Video J&F: d" in fragment.caption
    assert "demo" not in fragment.caption
    assert len(latex_rows(to_latex(fragment))) == 4


def test_dense_against_normal_has_a_signed_difference():
    run = models()
    fragment = dense_against_normal_fragment(dense_against_normal(make_table(ROWS), run), run)
    assert [column.heading for column in fragment.columns] == ["Model", "Normal", "Dense", "Difference"]
    assert texts(fragment)[1] == [
        ("DINO S/8", "", False), ("0.60", "2", True), ("0.50", "1", True), ("\N{MINUS SIGN}0.10", "", True),
    ]  # fmt: skip
    assert {cell for row in (texts(fragment)[0], texts(fragment)[2]) for cell in row[1:]} == {("—", "", False)}


def test_nothing_measured_is_a_table_of_dashes():
    run = models()
    for fragment in (best_layers_fragment(best_layers(make_table([]), run), run),
                     dense_against_normal_fragment(dense_against_normal(make_table([]), run), run)):  # fmt: skip
        assert {cell.text for row in fragment.rows for cell in row[1:]} == {"—"}
        assert "none." in fragment.caption


def test_models_without_the_noise():
    fragment = models_fragment(models())
    assert [[cell.text for cell in row] for row in fragment.rows] == [
        ["FS B/16", "supervised", "FS", "ViT-B/16", "12", "2", "64", "16", "14x14", "1"],
        ["DINO S/8", "contrastive", "DINO", "ViT-S/8", "12", "2", "64", "8", "28x28", "1"],
    ]
    assert fragment.rows[0][0].dot == "supervised"
    assert [column.number for column in fragment.columns] == [False] * 4 + [True] * 6


def test_captions_say_when_models_are_the_demo_s():
    run = models(demo=True)
    empty = make_table([])
    for fragment in (best_layers_fragment(empty, run), dense_against_normal_fragment(empty, run), models_fragment(run)):
        assert fragment.caption.endswith("In the demo world.")


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
