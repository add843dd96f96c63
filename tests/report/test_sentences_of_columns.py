"""Sentences of figures whose numbers are no rows of one metric."""

import numpy as np
import pandas as pd
import pytest

from workflow_scripts.report.compared import LOWEST_FIRST, Models
from workflow_scripts.report.sentences import shown_by
from workflow_scripts.report.sentences_of_columns import of_columns
from workflow_scripts.report.words import in_percent, plural, roughly

NAMES = {"a": "Model A", "b": "Model B", "u": "Untrained"}
TRUTH = "ground truth"


def said(columns, *rows, controls=("u",)):
    return of_columns(pd.DataFrame(rows, columns=columns.split()), NAMES, controls)


@pytest.mark.parametrize(("value", "text"), [(58.13, "58"), (117.2, "120"), (1.63, "1.6"), (0.0312, "0.031"), (0, "0")])
def test_bins_are_read_with_two_digits(value, text):
    assert roughly(value) == text


def test_shares_and_plurals_are_read():
    assert [in_percent(share) for share in (0.62, 0.0237, 0.001, 1)] == ["62 %", "2.4 %", "0.10 %", "100 %"]
    assert [plural(word) for word in ("key", "query", "class", "cls")] == ["keys", "queries", "classes", "CLS"]


def test_models_without_training_are_named_apart_and_alone_are_compared():
    values = pd.Series({"a": 1.0, "b": 2.0, "u": 3.0}).rename_axis("model")
    models = Models(NAMES, ["u"])
    assert models.compare(values) == "highest in Model B (2.00), lowest in Model A (1.00); without training 3.00 (Untrained)"
    assert models.compare(values, order=LOWEST_FIRST).startswith("lowest in Model A (1.00), highest in Model B")
    assert models.compare(values[["u"]]) == "3.00 in Untrained"
    assert models.compare(values[["a"]] * np.nan) == ""


def test_ties_are_no_lead():
    values = pd.Series({"a": 2.0, "b": 2.0, "u": 1.0}).rename_axis("model")
    assert Models(NAMES).compare(values) == "highest in Model A and Model B (2.00), lowest in Untrained (1.00)"
    assert Models(NAMES).compare(values[["a", "b"]]) == "2.00 in both models"
    places = pd.Series({("a", 1): 2.0, ("b", 2): 2.0, ("b", 1): 1.0}).rename_axis(["model", "layer"])
    assert Models(NAMES).compare(places) == (
        "highest in Model A, layer 1, and 1 other (2.00), lowest in Model B, layer 1 (1.00)"
    )
    assert Models(NAMES).compare(places[["b"]]) == "in Model B from 1.00 (layer 1) to 2.00 (layer 2)"


BINS = "model layer facet setting norm_from norm_to count"


def test_histograms_say_medians_and_their_course():
    assert said(
        BINS,
        ("a", 1, "token", "patch", 1, 4, 9),
        ("a", 2, "token", "patch", 20, 45, 1),
        ("a", 2, "token", "patch", 45, 80, 8),
        ("b", 1, "token", "patch", 1, 4, 9),
        ("b", 2, "token", "patch", 4, 9, 9),
        ("u", 2, "token", "patch", 1, 4, 9),
    ) == (
        "Median norm in layer 2 of patch tokens: highest in Model A (60), lowest in Model B (6.0); "
        "without training 2.0 (Untrained). In Model A it is 2.0 in layer 1 and 60 in layer 2."
    )


def test_histograms_of_one_model_are_told_by_kind_and_of_models_of_many_depths_by_each_deepest_layer():
    kinds = [("a", 2, "token", "patch", 4, 9, 9), ("a", 2, "token", "cls", 1, 4, 9), ("a", 2, "token", "register 1", 20, 45, 9)]
    assert said(BINS, *kinds) == (
        "Median norm in layer 2 of Model A: patch tokens (6.0), CLS tokens (2.0) and register 1 (30)."
    )
    exact = [(*kind, median) for kind, median in zip(kinds, (6.12, 2.34, 31), strict=True)]
    assert "patch tokens (6.12), CLS tokens (2.34)" in said(f"{BINS} median", *exact)
    assert said(BINS, *kinds, ("b", 3, "token", "patch", 1, 4, 9)) == (
        "Median norm in each model's deepest layer of patch tokens: highest in Model A (6.0), lowest in Model B (2.0). "
        "Of other kinds: in Model A from 2.0 (CLS tokens) to 30 (register 1)."
    )


def test_histograms_say_who_is_above_a_cutoff_before_and_after_the_norm():
    columns = f"{BINS} cutoff share_above"
    none = [("a", 2, "token", "patch", 4, 9, 9, np.nan, 0), ("b", 2, "token", "patch", 4, 9, 9, np.nan, 0)]
    assert said(columns, *none).endswith(": 6.0 in both models. No patch tokens are above a cutoff in any model.")
    assert said(columns, none[0], ("b", 2, "token", "patch", 4, 9, 9, 8.5, 0.024)).endswith(
        "Above a cutoff: 2.4 % above 8.50 in Model B."
    )
    after = ("a", 2, "token_normed", "patch", 1, 4, 9, np.nan, 0)
    assert said(columns, none[0], after) == (
        "Median norm in layer 2 of Model A: patch tokens before the final norm (6.0) and patch tokens after the final norm "
        "(2.0). No patch tokens are above a cutoff."
    )


def test_histograms_need_no_layers_or_kinds_and_their_bins_may_be_negative():
    assert said("model cosine_from cosine_to count", ("a", -0.2, 0, 3), ("b", 0.2, 0.4, 3)) == (
        "Median cosine of values: highest in Model B (0.30), lowest in Model A (\N{MINUS SIGN}0.10)."
    )
    assert said(BINS, ("a", np.nan, np.nan, np.nan, 4, 9, 3)) == "Median norm of values: 6.0 in Model A."
    assert said("model x_from x_to count", ("a", np.nan, np.nan, 3)) == "Shown of Model A: 1 number."


def test_areas_are_compared_with_the_ground_truth():
    columns = "model image class share facet layer"
    truth = [(TRUTH, 1, "sky", 0.5, None, None), (TRUTH, 1, "sea", 0.5, None, None)]
    assert said(
        columns, *truth, ("a", 1, "sky", 0.8, "key", 2), ("a", 1, "sea", 0.2, "key", 2), ("b", 1, "dog", 1, "key", 3)
    ) == (
        "Areas of classes that agree with the ground truth's, by size alone and not by place (one image): "
        "most in Model A, layer 2 (70 %), least in Model B, layer 3 (0 %)."
    )
    assert said(columns, *truth) == "Shown of the run: 2 numbers."


def test_without_ground_truth_classes_are_counted():
    one = [("a", 1, c, 0.5, "key", 1) for c in "xy"] + [("a", 1, "x", 1, "key", 2), ("u", 1, "x", 1, "key", 1)]
    assert said("model image class share facet layer", *one) == (
        "Classes in the image: in Model A from 1 (layer 2) to 2 (layer 1); without training 1 (Untrained)."
    )
    assert said("model image cluster share", ("a", 1, "x", 1), ("a", 2, "x", 0.5), ("a", 2, "y", 0.5)) == (
        "Clusters in an image, mean over 2: 1.5 in Model A, from 1 to 2."
    )
    facets = [("a", 1, "x", 1, "key", 1), ("a", 1, "x", 0.5, "query", 1), ("a", 1, "y", 0.5, "query", 1)]
    assert said("model image class share facet layer", *facets) == (
        "Classes in the image by facet: keys 1 in Model A; queries 2 in Model A."
    )


def test_a_measure_counts_each_thing_once_and_is_told_by_rule():
    rows = [
        (m, i, r, c, 0.5, v) for m, v in (("a", 0.5), ("b", 0.7)) for i in (0, 1) for r in ("1-NN", "linear") for c in "xyz"
    ]
    assert said("model image rule class share accuracy", *rows) == (
        "Accuracy by rule (mean over the 2 images shown): 1-NN highest in Model B (0.70), lowest in Model A (0.50); "
        "linear highest in Model B (0.70), lowest in Model A (0.50)."
    )
    none = [(*row[:-1], np.nan) for row in rows[:12]]
    assert said("model image rule class share accuracy", *none) == (
        "Classes in an image by rule, mean over 2: 1-NN 3 in Model A; linear 3 in Model A."
    )


def test_a_score_of_concepts_is_told_with_the_number_of_examples():
    rows = [("a", c, n, f) for c, n, f in (("x", 1, 0.1), ("y", 2, 0.2), ("z", 3, 0.6))]
    assert said("model concept examples f1", *rows) == (
        "F1 (mean over the 3 concepts shown): 0.30 in Model A. "
        "Its rank correlation with the number of examples: 1.00 in Model A."
    )


def test_answers_within_the_radius_are_counted_layer_by_layer():
    rows = [("a", 1, "p", 0.5), ("a", 2, "p", 3.0), ("b", 1, "p", 2.0), ("u", 1, "p", 9.0)]
    assert said("model layer pair distance_over_radius", *rows) == (
        "Distance of the place found from the true one, in radii of a right answer: lowest in Model A, layer 1 (0.50), "
        "highest in Model A, layer 2 (3.00); without training 9.00 (Untrained). Right answers: 1 of 3; without training 0 of 1."
    )


def test_a_measure_of_the_data_names_no_model():
    assert said("model band noise_deviation", ("a", 1, 9.0), ("a", 2, 25.0)) == (
        "Standard deviation of the noise: lowest in band 1 (9.00), highest in band 2 (25.00)."
    )
    assert said("model band noise_deviation", ("a", 1, np.nan)) == "Shown of Model A: 1 number."


def test_a_rank_correlation_is_one_number_with_its_parts():
    points = [("a", f, i, i, s * i, 0.5) for f, s in (("key", 1), ("query", -1)) for i in range(3)]
    assert said("model facet layer across up rho", *points) == (
        "Spearman's \N{GREEK SMALL LETTER RHO} of the two scores: 0.50 over 6 points of Model A; "
        "keys alone 1.00 and queries alone \N{MINUS SIGN}1.00."
    )
    both = [(m, i, u, 0.5) for m, s in (("a", 1), ("u", -1)) for i, u in ((0, 0), (1, s))]
    assert said("model across up rho", *both).endswith("0.50 over 4 points of 2 models (1.00 in those with training).")
    assert said("model rho", ("a", np.nan)) == "Shown of Model A: 1 number."


def test_values_without_a_metric_are_told_by_rank_or_class():
    ranks = [(m, r, r, v) for m, top in (("a", 8), ("b", 4)) for r, v in enumerate((top, 2, 1), 1)]
    assert said("model rank feature value", *ranks) == (
        "Largest value over the median, of a model's 3 features: highest in Model A (4.00), lowest in Model B (2.00)."
    )
    assert said("model class value ground_truth", ("a", "sky", 0.16, 0.2), ("a", "sea", 0.14, 0.1)) == (
        "By class: in Model A from 0.14 (sea) to 0.16 (sky). Higher than in the ground truth: 1 of 2 numbers."
    )
    assert said("model value", ("a", 1.0), ("b", 2.0)) == "Value: highest in Model B (2.00), lowest in Model A (1.00)."


def test_marks_of_matrices_tell_diagonals_from_stripes():
    diagonal = [("a", "all images", i, i) for i in range(1, 11)]
    stripe = [("b", "all images", i, 1) for i in range(1, 11)]
    assert said("model shown query key", *diagonal, *stripe, ("a", "one image", 1, 2)) == (
        "Queries whose own key is among the marked entries (all images): highest in Model A (100 %), lowest in Model B (10 %). "
        "Share of marked entries in the tenth of keys that has most: highest in Model B (100 %), lowest in Model A (10 %)."
    )


def test_maps_that_are_no_attention_say_the_range_of_models_and_what_is_above_a_cutoff():
    cells = [(m, 1, r, 1, v, m == "a" and r == 1) for m, vs in (("a", (5, 1)), ("b", (3, 2))) for r, v in enumerate(vs, 1)]
    frame = pd.DataFrame(cells, columns=["model", "image", "row", "column", "value", "above_cutoff"])
    text = (
        "2 maps of 2 models; values from 1.00 to 5.00. "
        "Largest value by model: highest in Model A (5.00), lowest in Model B (3.00)."
    )
    assert (
        shown_by(frame, NAMES, {}) == f"{text} Places above a model's cutoff: most in Model A (50 %), fewest in Model B (0 %)."
    )
    assert shown_by(frame.assign(above_cutoff=False), NAMES, {}) == f"{text} No place is above a cutoff."
    one = frame[frame["model"] == "a"].drop(columns="above_cutoff")
    assert shown_by(one, NAMES, {}) == "1 map of Model A; values from 1.00 to 5.00."


def test_what_no_kind_of_columns_tells_is_counted():
    assert said("model image thing", ("a", 1, "x"), ("b", 2, "y")) == "Shown of Model A and Model B: 2 images."
    assert said("thing", ("x",)) == "Shown of the run: 1 number."
    assert said("model value", ("a", np.nan)) == "Shown of Model A: 1 number."
    assert said("model value", ("elsewhere", 1.0)) == "Shown of the run: 1 number."


def test_only_models_without_training_are_compared_as_others_are():
    assert said("model value", ("a", 1.0), ("b", 2.0), controls=("a", "b")) == (
        "Value: highest in Model B (2.00), lowest in Model A (1.00)."
    )
