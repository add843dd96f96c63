"""The thesis' tables for reading, as the study lays them out."""

from tests.report.latex import latex_rows
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.studies.found import find_study
from workflow_scripts.studies.thesis.layout import best_layers_fragment, dense_against_normal_fragment, models_fragment
from workflow_scripts.studies.thesis.summary import best_layers, dense_against_normal, inventory

SCORES = find_study("thesis").scores


def scores(name, model, values, dataset="d"):
    """Return the rows of a score of the study at each layer."""
    score = SCORES[name]
    common = {"analysis": score.analysis, "metric": score.metric, "facet": score.facet, "setting": score.setting}
    return [
        common | {"model": model, "dataset": dataset, "layer": layer, "value": value, "n": 10 + layer, "unit": "share"}
        | {"ci_low": value - 0.1, "ci_high": value + 0.1, "higher_is_better": True}
        for layer, value in enumerate(values, 1)
    ]  # fmt: skip


def models(demo=False):
    facts = {"layers": 12, "heads": 2, "width": 64, "prefix_tokens": 1, "demo": demo}
    return (
        RunModel("noise", "Random none", "none", "Random", "none", random=True, patch=(16, 16), grid=(14, 14), **facts),
        RunModel("b", "FS B/16", "supervised", "FS", "ViT-B/16", patch=(16, 16), grid=(14, 14), **facts),
        RunModel("a", "DINO S/8", "contrastive", "DINO", "ViT-S/8", patch=(8, 8), grid=(28, 28), **facts),
    )


ROWS = [
    *scores("knn", "a", [0.2, 0.51234]),
    *scores("knn", "b", [0.7]),
    *scores("knn", "noise", [0.9, 0.7]),
    *scores("video", "a", [0.5, 0.5]),
    *scores("keypoints", "a", [0.1, 0.1234]),
    *scores("video_normal", "a", [0.4, 0.6]),
    *scores("retrieval", "a", [0.2, 0.1], "roxford"),
    *scores("retrieval", "a", [0.2, 0.3], "rparis"),
]


def texts(fragment):
    return [[(cell.text, cell.note, cell.strong) for cell in row] for row in fragment.rows]


def test_best_layers_as_the_study_lays_them_out():
    run = models()
    fragment = best_layers_fragment(best_layers(make_table(ROWS), run, SCORES), run, SCORES)
    assert [column.heading for column in fragment.columns] == [
        "Model", "k-NN top-1", "Retrieval mAP, roxford", "Retrieval mAP, rparis", "Video J&F", "Keypoints PCK@0.1",
    ]  # fmt: skip
    missing = ("—", "", False)
    assert texts(fragment) == [
        [("FS B/16", "", False), ("0.700", "1", True), missing, missing, missing, missing],
        [
            ("DINO S/8", "", False), ("0.512", "2", False), ("0.200", "1", True), ("0.300", "2", True), ("0.500", "1", True),
            ("0.123", "2", True),
        ],
        # The noise is last, without a layer, and never the best.
        [("Random none", "", False), ("0.800", "", False), missing, missing, missing, missing],
    ]  # fmt: skip
    assert fragment.rows[1][1].interval == "0.412 to 0.612"
    assert "k-NN top-1: d; Retrieval mAP: roxford; Retrieval mAP: rparis; Video J&F: d" in fragment.caption
    assert "demo" not in fragment.caption
    assert len(latex_rows(to_latex(fragment))) == 4 + 2  # two models have intervals


def test_dense_against_normal_has_a_signed_difference():
    run = models()
    fragment = dense_against_normal_fragment(dense_against_normal(make_table(ROWS), run, SCORES), run, SCORES)
    assert [column.heading for column in fragment.columns] == ["Model", "Normal", "Dense", "Difference"]
    assert texts(fragment)[1] == [
        ("DINO S/8", "", False), ("0.600", "2", True), ("0.500", "1", True), ("\N{MINUS SIGN}0.100", "", True),
    ]  # fmt: skip
    assert {cell for row in (texts(fragment)[0], texts(fragment)[2]) for cell in row[1:]} == {("—", "", False)}


def test_nothing_measured_is_a_table_of_dashes():
    run, empty = models(), make_table([])
    for fragment in (
        best_layers_fragment(best_layers(empty, run, SCORES), run, SCORES),
        dense_against_normal_fragment(dense_against_normal(empty, run, SCORES), run, SCORES),
    ):
        assert {cell.text for row in fragment.rows for cell in row[1:]} == {"—"}
        assert "none." in fragment.caption


def test_models_without_the_noise():
    fragment = models_fragment(inventory(models()), models())
    assert [[cell.text for cell in row] for row in fragment.rows] == [
        ["FS B/16", "supervised", "FS", "ViT-B/16", "12", "2", "64", "16", "14x14", "1"],
        ["DINO S/8", "contrastive", "DINO", "ViT-S/8", "12", "2", "64", "8", "28x28", "1"],
    ]
    assert fragment.rows[0][0].dot == "supervised"
    assert [column.number for column in fragment.columns] == [False] * 4 + [True] * 6


def test_captions_say_when_models_are_the_demo_s():
    run = models(demo=True)
    empty = make_table([])
    for fragment in (
        best_layers_fragment(empty, run, SCORES),
        dense_against_normal_fragment(empty, run, SCORES),
        models_fragment(inventory(run), run),
    ):
        assert fragment.caption.endswith("In the demo world.")
