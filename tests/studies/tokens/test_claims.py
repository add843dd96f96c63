"""Every claim holds in the made-up run, breaks with what it is about, and says what it lacks."""

from dataclasses import replace

import pytest

from tests.studies.tokens.made_up_study import (
    CLAIMS,
    PUBLISHED,
    SUPPORTS,
    evidence,
    measured,
    verdict,
)
from workflow_scripts.studies.claims import judge
from workflow_scripts.studies.tokens.decisions import CATEGORIES, FIVE, HYPERPLANE, SPREAD, TOKENS, cosine, decision, setting
from workflow_scripts.studies.tokens.measured import METRICS
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

IMAGES, PATCHES, CONES = "classification", "segmentation", cosine(50)
# Claim -> what is changed in the made-up run so that it does not hold, one change at a time, and a word of what is said against
# it: (model, analysis, facet or None for all five, metric, setting) -> value.
BREAKS = {
    "cls_hyperplane_mae_random": [
        ({("mae", IMAGES, None, "accuracy", HYPERPLANE): 0.6}, "0 of 5 tokens of MAE"),
        ({("dino", IMAGES, None, "accuracy", HYPERPLANE): 0.89}, "not above the limit (0.900)"),
    ],
    "cls_precision_recall": [
        ({("dino", IMAGES, "token", "precision", HYPERPLANE): 0.94}, "precision of DINO ViT-S/8, x"),
        ({("dino", IMAGES, None, "recall", HYPERPLANE): 0.8}, "highest less lowest recall"),
    ],
    "ln_helps": [
        ({("dino", IMAGES, "token_normed", "recall", HYPERPLANE): 0.5}, "gain of recall"),
        ({("dino", IMAGES, "token_normed", "precision", HYPERPLANE): 0.95}, "gain of precision"),
        ({("dino", IMAGES, "token_normed", "accuracy", HYPERPLANE): 0.92}, "less that of LN(x)"),
    ],
    "cls_cosine": [
        ({("mae", IMAGES, "key", "accuracy", CONES): 0.95}, "not above accuracy of MAE"),
        ({("mae", IMAGES, "key", "accuracy", HYPERPLANE): 0.7}, "cosine less hyperplane"),
    ],
    "cls_cosine_recall": [
        ({("dino", IMAGES, "value", "precision", CONES): 0.8}, "precision of DINO ViT-S/8, v"),
        ({("mae", IMAGES, "token", "recall", CONES): 0.85}, "recall of MAE"),
    ],
    "k_saturation": [
        ({("dino", PATCHES, None, "accuracy", cosine(200)): 0.75}, "gain of DINO ViT-S/8 in segmentation from 1 to 50"),
        ({("mae", IMAGES, None, "accuracy", cosine(1)): 0.85}, "not above no gain"),
        ({("mae", IMAGES, None, "accuracy" + SPREAD, cosine(200)): 0.2}, "deviation over trials of MAE"),
    ],
    "seg_comparable": [
        ({("mae", PATCHES, "key", "accuracy", HYPERPLANE): 0.76}, "difference of the best accuracies"),
        ({("mae", PATCHES, "token", "f1", HYPERPLANE): 0.7}, "F1 of DINO"),
        ({("dino", IMAGES, None, "accuracy", HYPERPLANE): 0.7}, "classification, hyperplane (0.700) not above"),
    ],
    "seg_one_token_dino": [
        ({("dino", PATCHES, "query", "f1", "hyperplane: scene"): 0.9}, "best of DINO"),
        ({("mae", PATCHES, "key", "f1", "hyperplane: object"): 0.9}, "best of MAE"),
        ({("mae", PATCHES, "token", "f1", f"hyperplane: {c}"): 0.9 for c in ("part", "material")}, "best of MAE"),
    ],
    "seg_categories": [({("dino", PATCHES, "key", "f1", "hyperplane: object"): 0.8}, "hyperplane: object")],
    "seg_dino_over_mae": [
        ({("mae", PATCHES, "value", "f1", "hyperplane: part"): 0.9}, "hyperplane: part"),
        ({("dino", PATCHES, "value", "f1", "hyperplane: scene"): 0.9}, "hyperplane: scene"),
    ],
    "mae_decoder_token": [
        ({("mae", PATCHES, "token", "precision", HYPERPLANE): 0.85}, "precision of a less that of x"),
        ({("mae", PATCHES, "token", "recall", HYPERPLANE): 0.5}, "recall of x less that of a"),
    ],
    "seg_cosine_poor": [
        ({("dino", PATCHES, None, "f1", HYPERPLANE): 0.45}, "less 0.05"),
        ({("dino", PATCHES, "key", "accuracy", CONES): 0.63}, "accuracy of MAE"),
        ({("mae", PATCHES, "key", "accuracy", CONES): 0.66}, "the limit (0.650) not above"),
    ],
    "seg_cosine_texture": [
        ({("dino", PATCHES, None, "f1", f"{CONES}: texture"): 0.6}, "cosine, k = 50: texture"),
        ({("mae", PATCHES, "key", "accuracy", f"{CONES}: part"): 0.7}, "cosine, k = 50: part"),
    ],
    "rule": [
        ({("dino", IMAGES, "key", "accuracy", CONES): 0.958}, "accuracy of DINO"),  # what the paper printed
        ({("mae", IMAGES, None, "f1", HYPERPLANE): 0.9}, "F1 of MAE"),
    ],
    "values_not_superior": [({("mae", PATCHES, "value", "f1", CONES): 0.9}, "best is v")],
}
CASES = [(claim, *case) for claim, cases in BREAKS.items() for case in cases]


def changed(change):
    """Return the made-up numbers with some of them changed."""
    values = measured()
    for (model, analysis, facet, metric, said), value in change.items():
        for one in FIVE if facet is None else (facet,):
            assert (model, analysis, one, metric, said) in values
            values[model, analysis, one, metric, said] = value
    return values


def without(kept):
    """Return the made-up run with only the rows that are `kept`, a function of (analysis, setting)."""
    run = evidence(measured())
    rows = run.table
    return replace(run, table=rows[[kept(*pair) for pair in zip(rows["analysis"], rows["setting"], strict=True)]])


def test_every_claim_is_judged_by_a_function_of_its_name():
    assert {claim.removeprefix("c.") for claim in CLAIMS} == set(BREAKS)
    assert len(CLAIMS) == len(PUBLISHED["claims"]) == 15


@pytest.mark.parametrize("claim", BREAKS)
def test_it_holds_where_it_is_so(claim):
    found = verdict(claim, measured())
    assert found.outcome == HOLDS, found.reason
    assert found.rule.startswith("Holds if ") and found.numbers


@pytest.mark.parametrize(("claim", "change", "against"), CASES)
def test_it_does_not_hold_where_it_is_not(claim, change, against):
    found = verdict(claim, changed(change))
    assert found.outcome == FAILS
    assert found.reason.startswith("Against it: ") and against in found.reason


@pytest.mark.parametrize("claim", BREAKS)
def test_without_its_models_it_cannot_be_tested(claim):
    found = verdict(claim, measured(), kept=lambda model: model.method not in ("DINO", "MAE"))
    assert found.outcome == UNTESTED
    assert found.reason.startswith("Needs one main model trained by ")


@pytest.mark.parametrize("claim", BREAKS)
def test_without_its_analysis_it_cannot_be_tested(claim):
    both = {"k_saturation", "rule", "values_not_superior", "seg_comparable"}
    for lacking in (IMAGES, PATCHES):
        found = judge(CLAIMS[f"c.{claim}"], without(lambda analysis, _, lacking=lacking: analysis != lacking))
        own = IMAGES if claim.startswith(("cls", "ln")) else PATCHES
        if claim in both and not (claim == "seg_comparable" and lacking == PATCHES):
            assert found.outcome == HOLDS and f"Left out: {lacking}" in found.reason
        elif lacking == own:
            assert found.outcome == UNTESTED and f"'{lacking}'" in found.reason
        else:
            assert found.outcome == HOLDS


@pytest.mark.parametrize(
    "claim", ["cls_cosine", "cls_cosine_recall", "k_saturation", "seg_cosine_poor", "seg_cosine_texture", "rule"]
)
def test_without_a_cosine_rule_it_cannot_be_tested(claim):
    found = judge(CLAIMS[f"c.{claim}"], without(lambda _, said: not said.startswith("cosine")))
    assert found.outcome == UNTESTED
    assert "cosine rule" in found.reason


def test_without_supports_of_more_images_saturation_cannot_be_tested():
    more = tuple(cosine(k) for k in SUPPORTS if k > 50)
    found = judge(CLAIMS["c.k_saturation"], without(lambda _, said: not said.startswith(more)))
    assert found.outcome == UNTESTED
    assert "more than 50 images" in found.reason


def of_categories(*names):
    return without(lambda _, said: decision(said).category in ("", *names))


def test_categories_that_a_run_lacks_are_left_out_or_make_a_claim_untestable():
    few = of_categories("object", "part")
    for claim, outcome, said in (
        ("seg_one_token_dino", HOLDS, "Left out: material, texture, scene."),
        ("seg_categories", HOLDS, "Left out: material, texture, scene."),
        ("seg_dino_over_mae", HOLDS, "Left out: material, texture, scene."),
        ("seg_cosine_texture", UNTESTED, "category texture"),
    ):
        found = judge(CLAIMS[f"c.{claim}"], few)
        assert found.outcome == outcome and said in found.reason, found
    one = of_categories("object")
    for claim in ("seg_one_token_dino", "seg_categories"):
        assert judge(CLAIMS[f"c.{claim}"], one).outcome == UNTESTED
    assert judge(CLAIMS["c.seg_dino_over_mae"], of_categories()).outcome == UNTESTED
    split = judge(CLAIMS["c.seg_one_token_dino"], of_categories("part", "material"))
    assert split.outcome == HOLDS and "Left out: MAE, object, texture, scene." in split.reason


def test_what_is_inferred_is_said():
    for claim in ("ln_helps", "mae_decoder_token"):
        assert "inferred" in verdict(claim, measured()).reason
        assert "inferred" in next(one["compared"] for one in PUBLISHED["claims"] if one["id"] == f"c.{claim}")


def test_published_numbers_are_named_as_rows_of_the_tables_are():
    entries = [entry for table in PUBLISHED["tables"].values() for entry in table]
    assert len({entry["id"] for entry in entries}) == len(entries) == 12 + 38
    for entry in entries:
        assert entry["analysis"] in (IMAGES, PATCHES) and entry["metric"] in METRICS
        said = decision(entry["setting"])
        assert said.rule in (HYPERPLANE, "cosine") and said.category in ("", *CATEGORIES)
        assert entry["setting"] == setting(said.rule, said.category)
        assert ("facet" in entry) == ("inferred" in entry)  # no sign of a token can be read
        assert entry.get("facet", "token") in TOKENS
        assert entry["token"] and 0 < entry["value"] < 1
    first = {(entry["token"], entry["metric"]): entry["value"] for entry in PUBLISHED["tables"]["1"]}
    assert first["the worst", "recall"] == 0.427 and first["the best", "accuracy"] == 0.946
