"""Every claim holds in the made-up run, breaks with what it is about, and says what it lacks."""

from dataclasses import replace

import numpy as np
import pytest

from tests.studies.segmentation.made_up_study import (
    CLAIMS,
    PUBLISHED,
    STUDY,
    evidence,
    measured,
    published_evidence,
    verdict,
)
from workflow_scripts.studies.claims import judge
from workflow_scripts.studies.segmentation.claims import unmeasured
from workflow_scripts.studies.segmentation.clustering import SHUFFLED
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

BASE = ("mae", "ibot", "dinov2", "dinov2+reg", "dinov3", "moco-v3", "mugs", "dino", "supervised in21k", "openclip")
UNMEASURED = {name for name in vars(unmeasured) if f"c.{name}" in CLAIMS}
JUDGED = [claim.removeprefix("c.") for claim in CLAIMS if claim.removeprefix("c.") not in UNMEASURED]
# Claim -> what is scaled in the made-up run so that it does not hold: (model, metric, facet) -> factor, or layers' factors.
BREAKS = {
    "mim_kq_low": {("ibot_b", "miou", "query"): 4},
    "tokens_best": {("mae_l", "miou", "token"): 3},
    "intermediate": None,
    "inverse_scaling": {(f"{m}_l", "miou", "token"): 3 for m in ("mae", "ibot", "dinov2", "dinov2+reg", "dinov3", "mugs")},
    "ln_seg": {("dinov3_b", "miou", "token_raw"): 3},
    "key_position_mim": {("dino_b", "nmi", "key"): 3},
    "all_above_gt": {("mugs_b", "nmi", "token"): 0.5},
    "layer_dino": {("dino_b", "nmi", "key"): "reversed"},
    "layer_mae": {("mae_b", "nmi", "key"): "reversed"},
    "layer_dinov3": {("dinov3_b", "nmi", "key"): 0.3},
    "tokens_less": {("dino_b", "nmi", "token"): 3},
    "dinov3_l": {("dinov3_l", "miou", "token"): 2},
    "dinov2_l": {("dinov2+reg_l", "nmi", "token"): 2},
    "ibot": {("ibot_l", "nmi", "token"): 0.5},
    "nmi_miou": "positions that are classes",
    "mi_cl_drop": {("mugs_b", "locality", "attention"): "reversed"},
    "mi_mae": {("mae_b", "locality", "attention"): "reversed"},
    "mi_dinov2reg": {("dinov3_b", "locality", "attention"): 2},
    "corr_scaling": {("ibot_l", "pck", "value"): 0.5},
    "supervised_drop": {("dino_b", "pck", "token"): "reversed"},
    "nmi_locality": "keys that follow no position",
    "bias_datasets": "a ground truth that follows the position",
    "init_robust": {("dinov3_b", "varied", "value"): 1.5},
    "over_parts": {("ibot_l", "part_purity", "token"): 0.5},
}


def broken(claim):
    values, truth = measured()
    change = BREAKS[claim]
    if claim == "intermediate":
        values = {key: np.sort(curve) for key, curve in values.items()}
    elif claim == "nmi_miou":
        values |= {(m, "nmi", facet): values[m, "miou", facet] for m, metric, facet in values if metric == "nmi"}
    elif claim == "bias_datasets":
        truth = 0.12
    elif claim == "nmi_locality":
        values |= {(m, "nmi", facet): -values[m, "locality", "attention"] for m, *_ in values for facet in ("key", "query")}
    else:
        for key, factor in change.items():
            values[key] = values[key][::-1] if factor == "reversed" else values[key] * factor
    return values, truth


# The same for what some claims say about correspondence: what is changed, and what is said against it.
BREAKS_OF_CORRESPONDENCE = {
    "tokens_best": ({("dino_b", "pck", "key"): 2}, "best of DINO B in PCK is key"),
    "intermediate": ("sorted", "in PCK 0 of 16"),
    "ln_seg": ({(f"{model}_b", "pck", "token_raw"): 2 for model in BASE}, "median change of the PCK"),
    "supervised_drop": ({("ibot_b", "pck", "token"): [*[1] * 11, 0.9]}, "fall of the PCK of iBOT B"),
}


def test_every_claim_is_judged_or_says_why_not():
    assert set(JUDGED) == set(BREAKS)
    assert len(CLAIMS) == len(PUBLISHED["claims"]) == 25


@pytest.mark.parametrize("claim", JUDGED)
def test_it_holds_where_it_is_so(claim):
    found = verdict(claim, *measured())
    assert found.outcome == HOLDS, found.reason
    assert found.rule.startswith("Holds if ") and found.numbers


@pytest.mark.parametrize("claim", JUDGED)
def test_it_does_not_hold_where_it_is_not(claim):
    found = verdict(claim, *broken(claim))
    assert found.outcome == FAILS
    assert found.reason.startswith("Against it: ")


@pytest.mark.parametrize("claim", BREAKS_OF_CORRESPONDENCE)
def test_correspondence_can_be_against_it_alone(claim):
    values, truth = measured()
    change, against = BREAKS_OF_CORRESPONDENCE[claim]
    if change == "sorted":
        change = {}
        values |= {key: np.sort(curve) for key, curve in values.items() if key[1] == "pck"}
    for key, factor in change.items():
        values[key] = values[key] * factor
    found = verdict(claim, values, truth)
    assert found.outcome == FAILS
    assert against in found.reason


@pytest.mark.parametrize("claim", ["tokens_best", "intermediate", "ln_seg"])
def test_what_the_run_has_not_measured_of_a_claim_is_left_out(claim):
    values, truth = measured()
    run = evidence(values, truth)
    for lacking, left_out, outcome in (
        (["keypoints"], "Left out: correspondence.", HOLDS),
        (["clustering"], "Left out: segmentation.", UNTESTED if claim == "ln_seg" else HOLDS),
        (["clustering", "keypoints"], "", UNTESTED),
    ):
        found = judge(CLAIMS[f"c.{claim}"], replace(run, table=run.table[~run.table["analysis"].isin(lacking)]))
        assert found.outcome == outcome
        assert outcome == UNTESTED or found.reason.endswith(left_out)


def test_the_published_tables_say_of_correspondence_what_the_claims_do():
    run = published_evidence()
    assert judge(CLAIMS["c.corr_scaling"], run).outcome == HOLDS
    for claim, half in (("c.tokens_best", "segmentation"), ("c.intermediate", "segmentation")):
        found = judge(CLAIMS[claim], run)
        assert found.outcome == HOLDS, found.reason
        assert found.reason.endswith(f"Left out: {half}.")
    found = judge(CLAIMS["c.ln_seg"], run)
    assert found.outcome == HOLDS, found.reason
    medians = {number.name: number.value for number in found.numbers if number.name.startswith("median")}
    assert [round(100 * value, 2) for value in medians.values()] == [2.4, 0.99]


@pytest.mark.parametrize("claim", JUDGED)
def test_without_its_models_it_cannot_be_tested(claim):
    assert verdict(claim, *measured(), kept=lambda model: False).outcome == UNTESTED


@pytest.mark.parametrize("claim", ["key_position_mim", "all_above_gt", "layer_dinov3", "ibot"])
def test_without_the_ground_truth_it_cannot_be_tested(claim):
    values, _ = measured()
    found = verdict(claim, values, None)
    assert (found.outcome, found.reason) == (UNTESTED, "Needs the analysis 'clustering'; this run has none.")


@pytest.mark.parametrize("claim", sorted(UNMEASURED))
def test_what_is_not_measured_says_what_it_would_need(claim):
    found = verdict(claim, *measured())
    assert found.outcome == UNTESTED
    assert found.reason.startswith(("Needs ", "Is about what pictures look like"))


def test_further_datasets_are_judged_as_far_as_they_are_there():
    run = evidence(*measured())
    without = replace(run, table=run.table[run.table["analysis"] != "scenes"])
    found = judge(CLAIMS["c.bias_datasets"], without)
    assert found.outcome == HOLDS and "Left out: scenes." in found.reason
    none = replace(run, table=run.table[~run.table["analysis"].isin(["scenes", "parts", "sensitivity", "overclustering"])])
    for claim, needs in (("bias_datasets", "scenes"), ("init_robust", "sensitivity"), ("over_parts", "overclustering")):
        lacking = judge(CLAIMS[f"c.{claim}"], none)
        assert lacking.outcome == UNTESTED and f"'{needs}'" in lacking.reason


def test_fewer_images_are_no_bias_of_a_dataset():
    """A higher NMI that is all chance is none."""
    run = evidence(*measured())
    chance = (run.table["analysis"] == "parts") & (run.table["setting"] == SHUFFLED)
    table = run.table.assign(value=run.table["value"].where(~chance, 0.09))
    found = judge(CLAIMS["c.bias_datasets"], replace(run, table=table))
    assert found.outcome == FAILS and "less that of shuffled positions" in found.reason


def test_methods_that_a_run_lacks_are_named():
    values, truth = measured()
    found = verdict("key_position_mim", values, truth, kept=lambda model: model.method in ("DINO", "MAE", "iBOT"))
    assert found.outcome == HOLDS
    assert "Left out: DINOv2, DINOv2+reg, DINOv3." in found.reason
    few = verdict("tokens_less", values, truth, kept=lambda model: model.method == "DINO")
    assert few.outcome == HOLDS
    assert "DINOv3, which this run has not" in few.reason


def test_published_numbers_name_rows_of_the_table():
    entries = [entry for table in PUBLISHED["tables"].values() for entry in table]
    assert len({entry["id"] for entry in entries}) == len(entries) == 36 + 72 + 72 + 36
    assert {(entry["analysis"], entry["metric"]) for entry in entries} == {("clustering", "miou"), ("keypoints", "pck")}
    scores = {(s.analysis, s.metric, s.facet, s.setting) for s in STUDY.scores.values()}
    assert {(e["analysis"], e["metric"], e["facet"], e.get("setting", "")) for e in entries} <= scores
    assert {entry["facet"] for entry in entries} == {"key", "query", "value", "token", "token_raw"}
    known = {(e["method"], e["architecture"], e["facet"]): e["value"] for e in PUBLISHED["tables"]["4"]}
    assert known["DINOv3", "ViT-B/16", "token"] - known["DINOv3", "ViT-B/16", "token_raw"] > 10
