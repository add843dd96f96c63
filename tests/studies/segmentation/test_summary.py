"""Table 4: the last layer's tokens before and after the final norm, and their difference."""

import pytest

from tests.studies.segmentation.made_up_study import STUDY, evidence, measured
from workflow_scripts.report.fragments import to_html
from workflow_scripts.studies.segmentation.summary import DIFFERENCE, final_norm, tables


@pytest.fixture(scope="module")
def run():
    return evidence(*measured(), kept=lambda model: model.id in ("dino_b", "dinov3_l"))


def test_the_last_layer_of_each_model(run):
    values, _ = measured()
    made = final_norm(run.table, run.models, STUDY.scores)
    assert list(made["model"]) == [model.id for model in run.models for _ in range(3)]
    for model, depth in (("dino_b", 12), ("dinov3_l", 24)):
        own = made[made["model"] == model].set_index("setting")
        assert set(own["layer"]) == {depth}
        after, before = values[model, "miou", "token"][-1], values[model, "miou", "token_raw"][0]
        assert own.loc["after", "value"] == pytest.approx(after)
        assert own.loc["before", "value"] == pytest.approx(before)
        assert own.loc[DIFFERENCE, "value"] == pytest.approx(after - before)


def test_it_reads_in_percent_with_signs(run):
    ((_, fragment),) = tables(run.table, run.models, STUDY.scores)
    by_name = {row[0].text: [cell.text for cell in row[1:]] for row in fragment.rows}
    assert by_name["DINOv3 L"][2] == "+6.0"
    assert by_name["DINO B"][2] == "+2.0"
    assert "In the demo world" not in fragment.caption
    assert "final norm" in to_html(fragment)


def test_what_was_not_measured_is_a_dash(run):
    lacking = run.table[run.table["model"] != "dino_b"]
    ((made, fragment),) = tables(lacking, run.models, STUDY.scores)
    assert set(made["model"]) == {"dinov3_l"}
    by_name = {row[0].text: [cell.text for cell in row[1:]] for row in fragment.rows}
    assert by_name["DINO B"] == ["\N{EM DASH}"] * 3
