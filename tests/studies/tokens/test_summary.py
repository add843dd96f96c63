"""Table 1: x, LN(x) and the best token of every model, and the numbers that the paper printed."""

from dataclasses import replace

import pytest
from markupsafe import escape

from tests.studies.tokens.made_up_study import LAST, STUDY, evidence, measured
from workflow_scripts.report.fragments import MISSING, to_html
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.studies.tokens.summary import tables


@pytest.fixture(scope="module")
def run():
    return evidence(measured(), kept=lambda model: model.id in ("dino", "mae", "moco"))


def made(run, table=None, models=None):
    (found,) = tables(run.table if table is None else table, models or run.models, STUDY.scores)
    return found


def texts(fragment, name):
    return [[cell.text for cell in row[1:]] for row in fragment.rows if row[0].text == name]


def test_the_table_is_the_one_that_the_description_names(run):
    rows, fragment = made(run)
    assert [fragment.label] == [table.name for table in STUDY.summary.tables]
    assert set(rows["analysis"]) == {"token_norm"} and set(rows["study"]) == {"tokens"} and set(rows["layer"]) == {LAST}
    assert escape(fragment.caption) in to_html(fragment) and r"\bottomrule" in to_latex(fragment)
    assert fragment.caption.endswith("Dataset: made up.")


def test_numbers_are_those_of_hyperplanes_on_the_three_tokens(run):
    rows, fragment = made(run)
    assert len(rows) == 3 * 3 * 4
    best = rows[(rows["model"] == "dino") & (rows["setting"] == "best token")]
    assert set(best["facet"]) == {"key"}
    assert texts(fragment, "DINO ViT-S/8") == [
        ["x", "0.714", "0.959", "0.427", "0.550"],
        ["LN(x)", "0.940", "0.997", "0.884", "0.935"],
        ["k, the best", "0.946", "0.997", "0.894", "0.941"],
    ]
    assert texts(fragment, "MAE ViT-B/16")[2][0] == "x, the best"


def test_the_best_token_is_of_the_five(run):
    values = measured()
    values["dino", "classification", "token_normed", "accuracy", "hyperplane"] = 0.99
    _, fragment = made(evidence(values))
    assert texts(fragment, "DINO ViT-S/8")[2][0] == "k, the best"


def test_published_numbers_stand_below_their_model_and_say_what_is_inferred(run):
    _, fragment = made(run)
    name = "DINO ViT-S/8, as published"
    names = [row[0].text for row in fragment.rows]
    assert names[3:6] == [name] * 3 and names.count(name) == 3
    assert texts(fragment, name) == [
        ["x", "0.714", "0.959", "0.427", "0.550"],
        ["LN(x)", "0.940", "0.997", "0.884", "0.935"],
        ["the best, not readable", "0.946", "0.997", "0.894", "0.941"],
    ]
    assert [row[1].note for row in fragment.rows[3:6]] == ["inferred", "inferred", ""]
    assert "inferred" in fragment.caption
    others = tuple(replace(model, architecture="ViT-demo/5", demo=True) for model in run.models)
    _, demo = made(run, models=others)
    assert len(demo.rows) == 9 and "published" not in demo.caption and demo.caption.endswith("In the demo world.")


def test_what_was_not_measured_is_a_dash_and_models_without_numbers_are_left_out(run):
    noise = replace(run.models[2], random=True)
    table = run.table[(run.table["model"] != "mae") & (run.table["facet"] != "token_normed")]
    rows, fragment = made(run, table, (*run.models[:2], noise))
    assert set(rows["model"]) == {"dino"} and not texts(fragment, noise.display_name)
    assert not texts(fragment, "MAE ViT-B/16")
    assert texts(fragment, "DINO ViT-S/8")[1] == ["LN(x)", *[MISSING] * 4]
    rows, fragment = made(run, run.table[:0])
    assert rows.empty and "Dataset: none." in fragment.caption
