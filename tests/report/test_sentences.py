"""Sentences made from the numbers of figures, and figures that hold no number of their own."""

import pandas as pd
import pytest

from workflow_scripts.common.study import Score
from workflow_scripts.report.sentences import NOTHING, repeats, score_labels, shown_by
from workflow_scripts.report.words import in_words, spoken

NAMES = {"a": "Model A", "b": "Model B", "c": "Untrained"}


def rows(*values, **constant):
    frame = pd.DataFrame(values, columns=["model", "layer", "value", "ci_low", "ci_high"])
    return frame.assign(**{"dataset": "d", "metric": "miou", "facet": "key", "setting": ""} | constant)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.5312, "0.53"),
        (0.0312, "0.031"),
        (12.345, "12.35"),
        (1234.5, "1,234"),
        (-0.25, "\N{MINUS SIGN}0.25"),
        (0.00005, "5.0 \N{MULTIPLICATION SIGN} 10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT FIVE}"),
        (float("nan"), "undefined"),
    ],
)
def test_numbers_for_reading(value, said):
    assert spoken(value) == said


def test_who_is_highest_where_and_how_sure():
    frame = rows(("a", 1, 0.2, 0.1, 0.3), ("a", 2, 0.5, 0.45, 0.55), ("b", 1, 0.3, 0.2, 0.4), ("b", 2, 0.1, 0, 0.2))
    assert shown_by(frame, NAMES, {}) == (
        "mIoU: highest in Model A, layer 2 (0.50, 95 % interval 0.45 to 0.55); lowest at its best in Model B (0.30)."
    )
    near = [("a", 2, 0.5, 0.35, 0.65), ("b", 1, 0.3, 0.2, 0.4)]
    assert shown_by(rows(*near), NAMES, {}).endswith("its interval reaching that of Model B (0.30).")
    third = ("c", 1, 0.1, 0.05, 0.2)
    assert shown_by(rows(*near, third), NAMES, {}).endswith("reaching that of Model B (0.30); lowest in Untrained (0.10).")


def test_models_without_training_are_no_part_of_the_comparison():
    frame = rows(("a", 1, 0.2, None, None), ("b", 1, 0.3, None, None), ("c", 1, 0.9, None, None))
    said = shown_by(frame, NAMES, {}, controls=["c"])
    assert (
        said == "mIoU: highest in Model B, layer 1 (0.30); lowest in Model A (0.20); without training at most 0.90 (Untrained)."
    )


def test_scores_are_called_as_figures_call_them():
    one = Score("x", "clustering", "miou", "key", label="Mean\nIoU", title="Keys")
    labels = score_labels({"x": one})
    assert shown_by(rows(("a", 1, 0.2, None, None)), NAMES, labels) == "Mean IoU: Model A 0.20."
    twin = Score("y", "clustering", "miou", "query", label="Mean IoU", title="Queries")
    both = pd.concat([rows(("a", 1, 0.2, None, None)), rows(("a", 1, 0.1, None, None), facet="query")])
    assert shown_by(both, NAMES, score_labels({"x": one, "y": twin})) == (
        "Mean IoU (Keys): Model A 0.20. Mean IoU (Queries): Model A 0.10."
    )
    assert in_words("patch_miou") == "patch mIoU"


def test_of_many_settings_the_best_is_over_all():
    frame = pd.concat(
        [rows(("a", 1, 0.1 * k, None, None), ("b", 1, 0.05, None, None), setting=f"k = {k}") for k in range(1, 8)]
    )
    assert shown_by(frame, NAMES, {}).startswith("mIoU: highest in Model A, layer 1, key, k = 7 (0.70); lowest")


def test_pairs_leave_out_a_model_with_itself():
    frame = pd.DataFrame(
        [("a", "a", 1.0), ("a", "b", 0.4), ("b", "c", 0.1)], columns=["model", "other_model", "value"]
    ).assign(metric="cka", layer=1, other_layer=1, facet="token", other_facet="token")  # fmt: skip
    assert shown_by(frame, NAMES, {}) == (
        "Most alike: Model A and Model B (0.40); least alike: Model B and Untrained (0.10); 2 pairs in all."
    )


def test_pairs_of_layers_are_named_and_those_within_a_model_only_where_there_are_no_others():
    columns = ["model", "layer", "facet", "other_model", "other_layer", "other_facet", "value"]
    within = [("a", 1, "norm1", "a", 1, "norm2", 0.9), ("a", 1, "norm1", "a", 2, "norm1", 0.2)]
    between = [("a", 1, "norm1", "b", 2, "norm1", 0.5), ("a", 2, "norm2", "b", 2, "norm1", 0.3)]
    assert shown_by(pd.DataFrame(within, columns=columns).assign(metric="cka"), NAMES, {}) == (
        "Most alike: norm1 and norm2 of layer 1 of Model A (0.90); "
        "least alike: layers 1 and 2 of Model A (0.20); 2 pairs in all."
    )
    assert shown_by(pd.DataFrame(within + between, columns=columns).assign(metric="cka"), NAMES, {}) == (
        "Most alike: layer 1 of Model A and layer 2 of Model B (0.50); "
        "least alike: layer 2 of Model A and layer 2 of Model B (0.30); 2 pairs in all."
    )


def test_maps_name_the_most_concentrated():
    cells = [("a", 1, h, r, 1, v) for h, values in ((1, (0.5, 0.5)), (2, (0.9, 0.1))) for r, v in enumerate(values, 1)]
    frame = pd.DataFrame(cells, columns=["model", "layer", "head", "row", "column", "value"])
    assert "2 maps of 1 model. The most concentrated is that of Model A, layer 1, head 2" in shown_by(frame, NAMES, {})
    assert "90 % of the map" in shown_by(frame, NAMES, {})


def test_what_is_empty_is_said_to_be():
    assert shown_by(pd.DataFrame({"model": []}), NAMES, {}) == NOTHING


def test_a_figure_repeats_one_before_it_that_has_all_of_its_numbers():
    whole = rows(("a", 1, 0.2, None, None), ("b", 1, 0.3, None, None))
    part, other = whole.iloc[:1], rows(("a", 1, 0.25, None, None))
    assert repeats({"whole": whole, "part": part, "other": other}) == {"part": "whole"}
    assert repeats({"part": part, "whole": whole, "large": None}) == {}  # the larger one has numbers of its own


def test_maps_of_which_the_ends_alone_are_known_name_the_brightest():
    frame = pd.DataFrame(
        {"model": ["a", "b", "b"], "layer": [1, 2, 3], "head": [1, 4, 2], "minimum": 0.0, "maximum": [0.02, 0.31, 0.05]}
    ).assign(unit="share of attention", array="aligned")
    said = shown_by(frame, {"a": "A", "b": "B"}, {})
    assert said == (
        "3 maps of 2 models. The brightest place is in that of B, layer 2, head 4: it has 31 % of the attention; "
        "the median of the maps' brightest is 5.0 %."
    )
    assert shown_by(frame.assign(unit="norm"), {"a": "A"}, {}) == "3 maps of 2 models; values from 0 to 0.31."
