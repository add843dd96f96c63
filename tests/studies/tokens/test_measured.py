"""Tables of the study are read by decision: the last layer, the cosine rule of figures, categories, concepts."""

import math

import pandas as pd
import pytest

from tests.studies.tokens.made_up_study import ALL, CATEGORIES, PER_CATEGORY, SHOWN, measured, models, table
from workflow_scripts.studies.tokens.decisions import EXAMPLES, HYPERPLANE, LEFT_OUT, SGD, cosine, support_of
from workflow_scripts.studies.tokens.measured import Measured
from workflow_scripts.studies.tokens.methods import pair, reference
from workflow_scripts.studies.tokens.shown_concepts import shared_token, spanning


@pytest.fixture(scope="module")
def every():
    return table(measured())


def of(rows, model="dino", analysis="segmentation"):
    return Measured.of(rows, model, analysis)


def test_means_are_those_of_the_last_layer(every):
    earlier = every.assign(layer=every["layer"] - 1, value=0.99)
    own = of(pd.concat([earlier, every]))
    assert own.value("accuracy", "key", HYPERPLANE) == pytest.approx(0.721)
    assert own.value("f1", "key", HYPERPLANE, "part") == pytest.approx(0.817)
    assert own.best_token(HYPERPLANE, "precision") == "attention_output"
    assert own.best_token(HYPERPLANE, "f1", "scene") == "key"


def test_what_was_not_measured_is_nan_or_none(every):
    own = of(every)
    assert own.row("accuracy", "key", cosine(3)) is None and own.row("accuracy", "attention_projected", HYPERPLANE) is None
    assert math.isnan(own.value("accuracy", "key", HYPERPLANE, "color"))
    assert own.best_token(cosine(3), "f1") == ""
    empty = of(every, "none")
    assert empty.supports == [] and empty.figure_rule == "" and empty.categories == [] and empty.last.empty
    assert empty.concepts("f1", "key", HYPERPLANE).empty and empty.counted(EXAMPLES).empty
    unknown = every.assign(value=every["value"].where(every["facet"] != "key"))
    assert of(unknown).row("accuracy", "key", HYPERPLANE) is None
    assert of(unknown).best_token(HYPERPLANE, "accuracy") == "query"


def test_the_cosine_rule_of_figures_is_that_with_single_concepts_or_of_most_images_up_to_50(every):
    assert of(every).figure_rule == cosine(SHOWN)
    kept = every["setting"].map(lambda said: not said.startswith(cosine(SHOWN)))
    assert of(every[kept]).figure_rule == cosine(20)
    other = every.assign(setting=every["setting"].str.replace(cosine(SHOWN), cosine(10)))
    assert of(other).figure_rule == cosine(10)
    assert of(every).supports == [1, 2, 5, 10, 20, 50, 100, 200]
    large = every["setting"].map(lambda said: (support_of(said.split(":")[0]) or 100) >= 100)
    assert of(every[large]).figure_rule == ""


def test_concepts_keep_names_with_colons_and_their_counts(every):
    own = of(every)
    scores = own.concepts("f1", "token", HYPERPLANE)
    assert len(scores) == PER_CATEGORY * len(CATEGORIES)
    assert scores.iloc[0][["category", "concept"]].tolist() == ["object", "object 1: made up"]
    assert len(own.concepts("f1", "token", SGD)) == len(scores) and own.concepts("f1", "token", cosine(5)).empty
    counts = own.counted(EXAMPLES)
    assert counts.iloc[0].tolist() == ["object", "object 1: made up", 20, 20]
    assert (counts["n"] < counts["value"]).any()
    assert own.counted(LEFT_OUT)["concept"].tolist() == ["rare 0", "rare 1"]
    assert own.categories == list(CATEGORIES)
    assert of(every, analysis="classification").categories == []


def test_the_pictures_models_are_the_papers_or_the_first():
    dino, mae, moco, fs = models()
    assert pair([fs, mae, dino]) == [dino, mae] and reference([fs, mae, dino]) == dino
    assert pair([fs, mae, moco]) == [fs, mae] and reference([fs, moco]) == fs
    assert pair([fs, dino, moco]) == [dino, fs]
    assert pair([fs, moco]) == [fs, moco] and pair([fs]) == [fs]


def test_the_shared_token_is_best_on_average_of_the_two(every):
    two = [of(every, model) for model in ("dino", "mae")]
    assert shared_token(two, "hyperplane") == "key"  # 0.684 and 0.635; x has 0.65 and 0.645
    assert shared_token(two[1:], "hyperplane") == "token"
    assert shared_token(two, "cosine") == "attention_output"
    assert shared_token([of(every, "none")], "cosine") == ""


def test_concepts_span_the_ranks_with_both_ends():
    scores = {("part", f"c{place:02d}"): place / 100 for place in range(21)} | {("object", "one"): 0.5, ("object", "two"): 0.5}
    chosen = spanning(scores)
    assert list(chosen) == ["object", "part"]
    assert [name for _, name in chosen["part"]] == ["c20", "c15", "c10", "c05", "c00"]
    assert [name for _, name in chosen["object"]] == ["one", "two"]  # of equal scores by name


def test_all_tokens_are_in_the_made_up_table(every):
    assert set(of(every).last["facet"]) == set(ALL)
