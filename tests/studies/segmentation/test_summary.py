"""Tables 3 to 5: best correspondence, and the last layer's tokens before and after the final norm."""

import pytest
from markupsafe import escape

from tests.studies.segmentation.made_up_study import PUBLISHED, STUDY, evidence, measured, published_evidence
from workflow_scripts.report.fragments import MISSING, to_html
from workflow_scripts.studies.segmentation.final_norm import DIFFERENCE
from workflow_scripts.studies.segmentation.summary import tables

NAMES = ("best_key_points", "final_norm", "final_norm_key_points")


def made(run, table=None):
    """Return {name of the table: (rows, layout)}."""
    found = tables(run.table if table is None else table, run.models, STUDY.scores)
    return {fragment.label: (rows, fragment) for rows, fragment in found}


def texts(fragment):
    return {row[0].text: [cell.text for cell in row[1:]] for row in fragment.rows}


@pytest.fixture(scope="module")
def run():
    return evidence(*measured(), kept=lambda model: model.id in ("dino_b", "dinov3_b", "dinov3_l"))


def test_the_tables_are_those_that_the_description_names(run):
    assert tuple(made(run)) == NAMES == tuple(table.name for table in STUDY.summary.tables)
    for _, fragment in made(run).values():
        assert "In the demo world" not in fragment.caption and "Dataset: made up." in fragment.caption
        assert escape(fragment.caption) in to_html(fragment)


@pytest.mark.parametrize(("name", "metric"), [("final_norm", "miou"), ("final_norm_key_points", "pck")])
def test_the_final_norm_is_of_the_last_layer_of_each_model(run, name, metric):
    values, _ = measured()
    rows, fragment = made(run)[name]
    assert list(rows["model"]) == [model.id for model in run.models for _ in range(3)]
    for model, depth in (("dino_b", 12), ("dinov3_l", 24)):
        own = rows[rows["model"] == model].set_index("setting")
        assert set(own["layer"]) == {depth}
        after, before = values[model, metric, "token"][-1], values[model, metric, "token_raw"][0]
        assert own.loc["after", "value"] == pytest.approx(after)
        assert own.loc["before", "value"] == pytest.approx(before)
        assert own.loc[DIFFERENCE, "value"] == pytest.approx(after - before)
    assert [column.heading for column in fragment.columns] == ["Model", "Before", "After", "Difference"]
    assert texts(fragment)["DINOv3 L"][2] == {"miou": "+6.00", "pck": "\N{MINUS SIGN}1.00"}[metric]


def test_the_best_layer_is_printed_once_for_the_best_embedding(run):
    rows, fragment = made(run)["best_key_points"]
    assert len(rows) == len(run.models) * 4
    assert texts(fragment) == {
        "DINOv3 B": ["30.00", "30.00", "30.00", "35.00", "11/12"],
        "DINO B": ["30.00", "30.00", "30.00", "35.00", "11/12"],
        "DINOv3 L": ["40.00", "40.00", "45.00", "40.00", "23/24"],
    }
    by_name = {row[0].text: row[1:] for row in fragment.rows}
    assert [cell.note for cell in by_name["DINOv3 L"]] == ["+10.00", "+10.00", "+15.00", "+5.00", ""]
    assert not any(cell.note for cell in by_name["DINOv3 B"])
    assert [cell.strong for cell in by_name["DINOv3 L"]] == [False, False, True, False, False]
    assert "per-point rule" in fragment.caption


def test_what_was_not_measured_is_a_dash(run):
    found = made(run, run.table[run.table["model"] != "dino_b"])
    for name, (rows, fragment) in found.items():
        assert set(rows["model"]) == {"dinov3_b", "dinov3_l"}
        assert texts(fragment)["DINO B"] == [MISSING] * (5 if name == "best_key_points" else 3)
    rows, fragment = made(run, run.table[run.table["analysis"] != "keypoints"])["best_key_points"]
    assert rows.empty and "Dataset: none." in fragment.caption


def test_the_numbers_that_the_paper_prints_come_out_as_it_prints_them():
    run = published_evidence()
    found = {name: (rows, texts(fragment)) for name, (rows, fragment) in made(run).items()}
    for number, name in zip("345", NAMES, strict=True):
        rows, _ = found[name]
        for entry in PUBLISHED["tables"][number]:
            own = rows[(rows["model"] == f"{entry['method']} {entry['architecture']}") & (rows["facet"] == entry["facet"])]
            row = own[own["setting"] != DIFFERENCE].iloc[0]
            assert (row["analysis"], row["metric"], row["dataset"]) == (name, entry["metric"], entry["dataset"])
            assert 100 * row["value"] == pytest.approx(entry["value"])
            assert row["layer"] == entry.get("layer", 1)
    assert found["best_key_points"][1]["iBOT ViT-L/16"] == ["43.26", "42.08", "46.27", "48.99", "24/24"]
    assert found["best_key_points"][1]["MAE ViT-L/16"][4] == "17/24"
    assert found["final_norm"][1]["DINOv3 ViT-L/16"] == ["3.84", "19.59", "+15.75"]
    assert found["final_norm_key_points"][1]["DINOv2+reg ViT-B/14"] == ["53.55", "53.55", "+0.00"]
