"""Every claim holds in the made-up run, breaks with what it is about, and says what it lacks."""

from dataclasses import replace

import pytest

from tests.studies.local.made_up_study import LAST, PUBLISHED, REMOVED, changed, evidence, measured
from workflow_scripts.metrics.patch_retrieval import CATEGORIES
from workflow_scripts.studies.claims import find_judges, judge
from workflow_scripts.studies.local.conditions import LINEAR, NEIGHBOURS, NN, NORMALISED, NORMED, condition, setting
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

CLAIMS = find_judges("local", [claim["id"] for claim in PUBLISHED["claims"]])
SAME, FINE = CATEGORIES[:2]


def of(analysis, model, metric, rule=None, layer=None, **words):
    """Return what accepts keys of these: words as given, others as they are; "" for a word that must be absent."""

    def wanted(*key):
        said = key[3]
        return (
            key[:3] == (analysis, model, metric)
            and rule in (None, said.rule)
            and layer in (None, key[4])
            and all(said.words.get(word, "") == str(value) for word, value in words.items())
        )

    return wanted


def patch(model, kind, altered=None, without="", elsewhere=""):
    """Return what accepts the shares by 1-NN of a model's patches whose nearest is of a kind."""
    words = {} if altered is None else {"altered": altered}
    return of("retrieval", model, "share", NN, kind=kind, without=without, elsewhere=elsewhere, **words)


def found_again(model, gap=None, metric="instance", without="", view="", analysis="association"):
    """Return what accepts the accuracies by 1-NN of associating the objects of a model."""
    words = {} if gap is None else {"gap": gap}
    return of(analysis, model, metric, NN, without=without, view=view, **words)


def plain(model, rule=NN, analysis="patches", layer=LAST):
    """Return what accepts the mean IoU of a model as it is."""
    return lambda *key: key[:3] == (analysis, model, "miou") and key[3] == (rule, {}) and key[4] == layer


# Claim -> what is changed in the made-up run so that it does not hold, one change at a time: the numbers, their new value or
# what makes it of the old one, and a word of what is said against it.
BREAKS = {
    "knn_linear_gap": [
        (plain("simmim"), 0.1, "SimMIM ViT-B/16 (1.560) not above the limit"),
        (plain("dinov2", LINEAR), 0.7, "not above linear probe over 1-NN of DINOv2"),
    ],
    "linear_mae_dino": [(plain("mae", LINEAR), 0.30, "DINO less MAE"), (plain("mae", LINEAR), 0.39, "not above mIoU of MAE")],
    "train_size": [(of("patches", "dino", "miou", LINEAR, images=144), 0.36, "gain of DINO ViT-B/16, linear probe")],
    "layers_sup_dino": [
        (plain("dino", layer=4), 0.9, "best layer of DINO ViT-B/16 is 4 of 12"),
        (plain("supervised"), 0.3411, "best layer of Supervised"),
    ],
    "layers_dinov2": [
        (of("patches", "dinov2", "class_iou", layer=5), 0.9, "hard classes of DINO ViT-B/16, layer 5"),
        (of("patches", "dinov2", "class_iou", layer=9, **{"class": "bus"}), 0.5, "rise of the IoU of bus"),
    ],
    "layers_mim": [
        (plain("simmim", layer=6), 0.01, "layer 6 (0.010) not above"),
        (plain("simmim"), 0.3, "not within 0.05"),
    ],
    "ade_confirms": [(plain("dinov2", analysis="other_patches"), 0.001, "rank correlation over 6 models, 1-NN")],
    "tiling": [(of("full_images", "mae", "miou", NN, view="full"), 0.2, "not above mIoU of MAE ViT-B/16, 1-NN; view full")],
    "variance_shape": [(of("patches", "dino", "variance", features=0), 1e5, "not above 10 times")],
    "junk_variance_share": [(of("patches", "mae", "variance"), lambda value: value + 2, "variance of 20 of 76 features")],
    "remove_helps_mae": [
        (of("patches", "mae", "miou", NN, without=1, altered=""), 0.05, "without 1 (0.050) not above"),
        (of("patches", "mae", "miou", NN, without=60, altered=""), 0.5, "1-NN is best without 60 features"),
        (of("patches", "mae", "miou", LINEAR, without=REMOVED), 0.34, "loss of the linear probe"),
    ],
    "remove_neutral_others": [(of("patches", "dino", "miou", NN, without=REMOVED, altered=""), 0.30, "not within 0.03")],
    "bn_alternative": [
        (of("patches", "mae", "miou", NORMALISED), 0.2, "not within 0.05"),
        (of("patches", "simmim", "miou", NORMED), 0.2, "linear, no batch norm (0.156) not above"),
    ],
    "no_global_context": [
        (of("context", "mae", "r2", features="top", **{"class": ""}), 0.66, "features random (0.651) not above"),
        (of("context", "mae", "r2", features="without top", **{"class": ""}), 0.6, "not within 0.02"),
    ],
    "reconstruction": [
        (of("reconstruction", "mae", "ssim", zeroed="top", masked=75), 0.85, "ssim made worse by the top features"),
        (of("reconstruction", "mae", "mse", zeroed="lowest", masked=""), 0.05, "mse made worse by the lowest features"),
    ],
    "robust_dinov2_small": [
        (of("patches", "dinov2", "miou", NN, altered="blur10"), 0.3, "loss of DINOv2 ViT-B/14, 1-NN, blur10"),
        (of("patches", "dino", "miou", LINEAR, altered="blur40"), 0.38, "at most 0.1 apart wanted"),
        (of("patches", "mae", "miou", LINEAR, altered="blur30"), 0.375, "loss of MAE ViT-B/16, linear probe, blur30"),
    ],
    "mae_knn_collapse": [(of("patches", "mae", "largest_share", altered="noise10"), 0.5, "altered noise10 (0.500)")],
    "supervised_highfreq": [(of("patches", "supervised", "miou", LINEAR, altered="band4"), 0.2, "linear probe, band4")],
    "mae_allfreq": [(of("patches", "mae", "miou", LINEAR, altered="band2"), 0.37, "linear probe, band2")],
    "same_patch_small": [
        (patch("mae", SAME, altered="blur10"), 0.7, "0.4 to 0.5 wanted"),
        (patch("mae", SAME, altered="noise10", without=REMOVED), 0.8, "not above the limit (0.900)"),
    ],
    "same_patch_decline": [
        (patch("dino", SAME, altered="rotation15"), 0.95, "rotation15 (0.950) above same patch"),
        (patch("dinov2", FINE, altered="noise40"), 0.01, "same fine category among the others"),
    ],
    "geometry_harder": [(patch("ibot", SAME, altered="scale110"), 0.99, "iBOT")],
    "retrieval_order": [
        (patch("dino", SAME, altered="shift4"), 0.2, "same patch of DINO ViT-B/16, mean over shift"),
        (patch("scalemae", SAME), 0.1, "Scale-MAE ViT-L/16, mean over"),
    ],
    "ibot": [
        (patch("ibot", SAME, altered="blur10"), 0.5, "below same patch of DINO"),
        (patch("dinov2", SAME), 0.97, "not above same patch of DINOv2"),
    ],
    "other_images": [(patch("dino", FINE, altered="blur30", elsewhere="yes"), 0.6, "blur30")],
    "tracking_best": [
        (found_again("dinov2", 3), 0.9, "gap 3 (0.861) not above"),
        (found_again("mae", 45), 0.5, "gap 45 (0.450) not above"),
    ],
    "tracking_mae200": [
        (found_again("mae", 20, without=REMOVED), 0.47, "gap 20 (0.470) not above"),
        (found_again("mae", 1, without=REMOVED), 0.91, "not within 0.05"),
    ],
    "tracking_gap": [
        (found_again("simmim", 20), 0.9, "gap 20 (0.900) above"),
        (found_again("supervised", 90), 0.3, "not within 0.05"),
    ],
    "tracking_class": [
        (found_again("dinov2", metric="category_of_errors"), 0.945, "not above the limit (0.950)"),
        (found_again("mae", metric="category_of_errors"), 0.96, "category of errors of MAE"),
    ],
    "mot17": [(found_again("beit", analysis="other_association"), 0.9, "BEiT")],
    "tiling_tracking": [(found_again("mae", view="full"), 0.3, "tiles less full images of MAE")],
    "scalemae_cls_patch": [
        (of("resolution", "scalemae", "knn_accuracy", NEIGHBOURS, without=REMOVED), 0.3, "0 of 5 sizes of uc_merced_test"),
    ],
}  # fmt: skip
CASES = [(claim, *case) for claim, cases in BREAKS.items() for case in cases]


def verdict(claim, values, kept=lambda model: True):
    return judge(CLAIMS[f"c.{claim}"], evidence(values, kept))


def test_every_claim_is_judged_by_a_function_of_its_name():
    assert len(PUBLISHED["claims"]) == len(CLAIMS) == 33
    assert {claim.removeprefix("c.") for claim in CLAIMS} == set(BREAKS) | {"overlap"}


@pytest.mark.parametrize("claim", CLAIMS)
def test_it_holds_where_it_is_so(claim):
    found = verdict(claim.removeprefix("c."), measured())
    assert found.outcome == HOLDS, found.reason
    assert found.rule.startswith("Holds if ") and found.numbers
    assert ("Left out" in found.reason) == (claim == "c.tiling_tracking")  # full frames of DINOv2


@pytest.mark.parametrize(("claim", "wanted", "value", "against"), CASES)
def test_it_does_not_hold_where_it_is_not(claim, wanted, value, against):
    found = verdict(claim, changed(measured(), wanted, value))
    assert found.outcome == FAILS, found.reason
    assert found.reason.startswith("Against it: ") and against in found.reason


@pytest.mark.parametrize("analysis", ["other_patches", "retrieval"])
def test_other_top_features_are_against_the_overlap(analysis):
    def moved(place):
        return lambda *key: key[:3] == (analysis, "mae", "variance") and key[3].words["features"] == str(place)

    values = measured()
    for place in (60, 61, 62):
        values = changed(values, moved(place), 50.0)
    found = verdict("overlap", values)
    assert found.outcome == FAILS and f"shared of 20 features, {analysis} (17), at least 19 wanted" in found.reason


@pytest.mark.parametrize("claim", CLAIMS)
def test_without_its_models_it_cannot_be_tested(claim):
    found = verdict(claim.removeprefix("c."), measured(), kept=lambda model: model.method == "CLIP")
    assert found.outcome == UNTESTED
    assert found.reason.startswith("Needs ") and "this run has" in found.reason


@pytest.mark.parametrize("claim", CLAIMS)
def test_without_any_rows_it_cannot_be_tested(claim):
    run = evidence(measured())
    found = judge(CLAIMS[claim], replace(run, table=run.table[:0]))
    assert found.outcome == UNTESTED and "this run has none" in found.reason


@pytest.mark.parametrize("claim", CLAIMS)
def test_thin_tables_are_no_error(claim):
    run = evidence(measured())
    for start in range(4):
        thin = run.table[[place % 4 != start for place in range(len(run.table))]]
        assert judge(CLAIMS[claim], replace(run, table=thin)).outcome in (HOLDS, FAILS, UNTESTED)


def test_absent_models_are_named():
    for claim, gone, said in (
        ("knn_linear_gap", "SimMIM", "one main model trained by SimMIM"),
        ("variance_shape", "SimMIM", "one main model trained by SimMIM"),
        ("remove_neutral_others", "DINOv2", "one main model trained by DINOv2"),
        ("retrieval_order", "Scale-MAE", "one main model trained by Scale-MAE"),
        ("mot17", "SimMIM", "a main model trained by SimMIM"),
        ("geometry_harder", "iBOT", "one main model trained by iBOT"),
        ("tracking_gap", "MAE", "one main model trained by MAE"),
    ):
        found = verdict(claim, measured(), kept=lambda model, gone=gone: model.method != gone)
        assert found.outcome == HOLDS and f"Left out: {said}" in found.reason, found
    for claim, gone in (
        ("linear_mae_dino", "DINO"),
        ("layers_mim", "SimMIM"),
        ("ibot", "iBOT"),
        ("scalemae_cls_patch", "Scale-MAE"),
    ):
        found = verdict(claim, measured(), kept=lambda model, gone=gone: model.method != gone)
        assert found.outcome == UNTESTED and f"trained by {gone}" in found.reason


def test_a_supervised_vit_may_be_one_from_scratch_and_two_of_a_method_are_too_many():
    run = evidence(measured())
    renamed = tuple(replace(model, method="FS") if model.method == "Supervised" else model for model in run.models)
    assert judge(CLAIMS["c.supervised_highfreq"], replace(run, models=renamed)).outcome == HOLDS
    twice = tuple(replace(model, method="DINO") if model.method == "iBOT" else model for model in run.models)
    found = judge(CLAIMS["c.linear_mae_dino"], replace(run, models=twice))
    assert found.outcome == UNTESTED and "this run has 2: name one of them" in found.reason


def test_beit_stands_beside_simmim_where_the_claim_is_about_masked_models():
    found = verdict("mot17", measured(), kept=lambda model: model.method not in ("MAE", "SimMIM"))
    assert found.outcome == HOLDS and "BEiT" in found.rule
    assert verdict("layers_mim", measured(), kept=lambda model: model.method != "SimMIM").outcome == UNTESTED


def test_classes_and_gaps_that_a_run_lacks_are_left_out():
    run = evidence(measured())
    no_bus = replace(run, table=run.table[run.table["setting"] != setting(NN, **{"class": "bus"})])
    found = judge(CLAIMS["c.layers_dinov2"], no_bus)
    assert found.outcome == HOLDS and "Left out: the class bus" in found.reason
    short = replace(run, table=run.table[[int(condition(text).words.get("gap", 0)) < 30 for text in run.table["setting"]]])
    found = judge(CLAIMS["c.tracking_gap"], short)
    assert found.outcome == HOLDS and "Left out: gaps from 30 frames on" in found.reason


def test_the_removal_is_the_run_s_own():
    """The paper's 10 of 200 is a twentieth: with 20 removed, 1."""
    numbers = [number.name for number in verdict("remove_helps_mae", measured()).numbers]
    assert any(name.endswith("1-NN, without 1") for name in numbers) and any(
        name.endswith("1-NN, without 20") for name in numbers
    )
    run = evidence(measured())
    unsaid = replace(run, table=run.table[run.table["metric"] != "removed_main"])
    for claim in ("remove_helps_mae", "overlap", "junk_variance_share", "remove_neutral_others", "tracking_mae200"):
        found = judge(CLAIMS[f"c.{claim}"], unsaid)
        assert found.outcome == UNTESTED and "the number of features removed" in found.reason
