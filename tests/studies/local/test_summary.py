"""Tables 2 to 6: ours, and beside them what the paper printed for models and classes that it has."""

from dataclasses import replace

import pytest
from markupsafe import escape

from tests.studies.local.made_up_study import STUDY, evidence, like_demo, measured
from workflow_scripts.report.fragments import MISSING, to_html
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.studies.local.summary import tables


@pytest.fixture(scope="module")
def run():
    return evidence(measured())


def made(run, table=None, models=None):
    found = tables(run.table if table is None else table, models or run.models, STUDY.scores)
    return {fragment.label: (rows, fragment) for rows, fragment in found}


def texts(fragment, name):
    return [[cell.text for cell in row[1:]] for row in fragment.rows if row[0].text == name]


def test_tables_are_those_that_the_description_names(run):
    found = made(run)
    assert list(found) == [table.name for table in STUDY.summary.tables]
    assert [table.number for table in STUDY.summary.tables] == ["2", "3", "4", "5", "6"]
    for name, (rows, fragment) in found.items():
        assert set(rows["analysis"]) == {name} and set(rows["study"]) == {"local"}
        assert escape(fragment.caption) in to_html(fragment) and r"\bottomrule" in to_latex(fragment)
    assert {key[0] for key in measured()} >= set(STUDY.summary.reads)


def test_patches_are_classified_with_and_without_features_and_as_published(run):
    rows, fragment = made(run)["patch_classification"]
    assert texts(fragment, "MAE ViT-B/16") == [["0.058", "0.375", "0.006", "0.066"]]
    assert texts(fragment, "MAE ViT-B/16 \N{MINUS SIGN} 20")[0][0] == "0.295"
    assert texts(fragment, "MAE ViT-B/16 \N{MINUS SIGN} 200, as published") == [["0.295", MISSING, "0.043", "0.056"]]
    assert texts(fragment, "DINOv2 ViT-B/14, as published") == [["0.496", "0.590", "0.136", "0.161"]]
    assert not texts(fragment, "DINO ViT-B/16 \N{MINUS SIGN} 20") and not texts(fragment, "iBOT ViT-B/16, as published")
    assert fragment.columns[1].heading == "cityscapes_few_val, 1-NN" and fragment.columns[4].heading == "ade20k_few_val, linear"
    assert len(rows) == 4 * (8 + 3)


def test_classes_are_counted_by_patch_size_beside_the_published(run):
    _, fragment = made(run)["patch_statistics"]
    assert [column.heading for column in fragment.columns[1:]] == [
        "Tiles", "Pixels", "as published", "Patches of 16", "as published", "Patches of 14", "as published",
    ]  # fmt: skip
    assert texts(fragment, "Bus") == [["8", "12", "2451", "1", "8", "1", "13"]]
    background = next(row for row in fragment.rows if row[0].text == "background")
    assert background[2].note == "0.8989" and background[2].text == str(round(0.8989 * 57820))


def test_classes_of_other_data_have_no_published_counts(run):
    own = run.table.assign(
        setting=run.table["setting"].str.replace("class Bus", "class cat").str.replace("class Boeing737", "class dog")
    )
    own = own.assign(setting=own["setting"].str.replace("class Bridge", "class hen"))
    _, fragment = made(run, own)["patch_statistics"]
    assert [column.heading for column in fragment.columns[1:]] == ["Tiles", "Pixels", "Patches of 16", "Patches of 14"]
    assert "published" not in fragment.caption


def test_reconstruction_has_three_rows_and_says_that_the_paper_s_are_lost(run):
    _, fragment = made(run)["reconstructed"]
    assert [row[1].text for row in fragment.rows] == ["all features", "largest variance at zero", "smallest variance at zero"]
    assert [cell.text for cell in fragment.rows[1][2:5]] == ["0.01100", "19.59", "0.7000"]
    assert "lost" in fragment.caption


def test_tiles_stand_against_full_images(run):
    _, fragment = made(run)["tiles"]
    assert texts(fragment, "MAE ViT-B/16") == [
        ["tiles", "0.375", "0.375", "0.058", "0.058"],
        ["full image", "0.176", "0.176", "0.020", "0.020"],
    ]


def test_context_has_the_classes_and_their_mean(run):
    _, fragment = made(run)["global_context"]
    assert [column.heading for column in fragment.columns[2:]] == ["road", "building", "vegetation", "mean"]
    assert texts(fragment, "MAE, as published")[2] == ["as many at random", "0.588", "0.678", "0.687", "0.651"]
    assert "0.666" in fragment.caption


def test_the_demo_has_no_published_numbers_and_says_what_it_is(run):
    demo = like_demo(replace(model, architecture="ViT-demo/5") for model in run.models)
    for name, (_, fragment) in made(run, models=demo).items():
        assert fragment.caption.endswith("In the demo world.")
        if name != "patch_statistics":  # whose numbers are of the data
            assert not any("published" in cell.text for row in fragment.rows for cell in row)


def test_what_was_not_measured_is_a_dash_or_left_out(run):
    for rows, fragment in made(run, run.table[:0]).values():
        assert rows.empty and not fragment.rows and fragment.caption.endswith("Data: none.")
    few = run.table[~((run.table["model"] == "dino") & run.table["setting"].str.startswith("linear"))]
    _, fragment = made(run, few)["patch_classification"]
    assert texts(fragment, "DINO ViT-B/16") == [["0.342", MISSING, "0.055", MISSING]]
    noise = tuple(replace(model, random=True) for model in run.models)
    assert all(not fragment.rows for name, (_, fragment) in made(run, models=noise).items() if name != "patch_statistics")
