"""Every claim holds in the made-up run, breaks with what it is about, and says what it lacks."""

import pytest

from tests.studies.registers.made_up_study import CLAIMS, PUBLISHED, evidence, measured, verdict, without_analysis
from workflow_scripts.studies.claims import judge
from workflow_scripts.studies.registers.conditions import (
    ATTENTION_SHARE,
    BORDER,
    BORDER_SHARE,
    CLASS_ACCURACY,
    CLS,
    CORLOC,
    HIGH,
    NEIGHBOURS_OF_PATCH,
    OF_LAST,
    OF_LAYER,
    OUTSIDE,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
    SHARE,
    TOKEN_SHARE,
    bias,
    of_all_images,
    register,
)
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

# Claim -> what is changed in the made-up run so that it does not hold, one change at a time, and a word of what is said against
# it: (model, metric, setting) -> value, in the last layer, of all datasets and facets.
BREAKS = {
    "bimodal": [
        ({("dinov2_L", SHARE, OF_LAST): 0.0}, "share of high-norm patches of DINOv2 ViT-L/14 (0.000) not above 0"),
        ({("dinov2_g", SHARE, OF_LAST): 0.2}, "the limit (0.100) not above"),
        ({("dino_B", SHARE, OF_LAST): 0.01}, "share of high-norm patches of DINO ViT-B/14 (0.010) not 0"),
    ],
    "size": [
        ({("dinov2_B", SHARE, OF_LAST): 0.001}, "DINOv2 ViT-B/14 (0.001) not 0"),
        ({("dinov2_L", SHARE, OF_LAST): 0.0}, "DINOv2 ViT-L/14 (0.000) not above 0"),
    ],
    "others": [
        ({("openclip_B", SHARE, OF_LAST): 0.0}, "OpenCLIP ViT-B/14 (0.000) not above 0"),
        ({("mae_L", SHARE, OF_LAST): 0.02}, "MAE ViT-L/14 (0.020) not 0"),
    ],
    "redundant": [({("dinov2_g", NEIGHBOURS_OF_PATCH, HIGH): 0.405}, "not clearly above neighbour cosine per patch")],
    "background": [
        ({("dinov2_L", OUTSIDE, HIGH): 0.55}, "outside objects of DINOv2 ViT-L/14, high-norm (0.550) not above"),
        ({("dinov2_L", OUTSIDE, HIGH): 0.48, ("dinov2_L", OUTSIDE, "all"): 0.3}, "not above the limit (0.500)"),
        ({("dinov2_g", BORDER_SHARE, BORDER): 0.01}, "border share of DINOv2 ViT-g/14, border (0.010) not above"),
    ],
    "local_poor": [
        ({("dinov2_g", POSITION_ACCURACY, HIGH): 0.5}, "position accuracy of DINOv2 ViT-g/14, normal (0.417) not above"),
        ({("dinov2_g", POSITION_DISTANCE, HIGH): 0.7}, "position distance of DINOv2 ViT-g/14, high-norm (0.700) not above"),
        ({("dinov2_L", PIXEL_ERROR, HIGH): 18.0}, "pixel error of DINOv2 ViT-L/14, high-norm (18.000) not above"),
    ],
    "global_rich": [
        ({("dinov2_g", CLASS_ACCURACY, HIGH): 0.65}, "high-norm (0.650) not above"),
        ({("dinov2_g", CLASS_ACCURACY, CLS): 0.9}, "more than 0.2 below class accuracy of DINOv2 ViT-g/14, cls (0.900)"),
    ],
    "attention": [
        ({("dinov2_g", ATTENTION_SHARE, HIGH): 0.049}, "DINOv2 ViT-g/14, high-norm (0.049) not above 2 times"),
        ({("deit-iii_B", SHARE, OF_LAST): 0.0}, "DeiT-III ViT-B/14 (0.000) not above 0"),
        (
            {("dino_B", SHARE, OF_LAST): 0.01, ("dino_B", ATTENTION_SHARE, HIGH): 0.3, ("dino_B", TOKEN_SHARE, HIGH): 0.01},
            "DINO ViT-B/14, high-norm (0.300) above 2 times",
        ),
    ],
    "registers_remove": [
        ({("dinov2+reg_L", SHARE, OF_LAST): 0.01}, "DINOv2+reg ViT-L/14 (0.010) not 0"),
        ({("dinov2+reg_B", "norm_median", register(2)): 70}, "register 2 (70.000) not above norm p99"),
    ],
    "lost": [
        ({("dinov2+reg_g", CORLOC, bias(0)): 0.36}, "DINOv2+reg ViT-g/14, bias 0, voc2007_trainval (0.360) not clearly above"),
        ({("deit-iii+reg_B", CORLOC, bias(0)): 0.1}, "DeiT-III+reg ViT-B/14, bias 0, coco20k (0.100) not above"),
        ({("openclip+reg_B", CORLOC, bias(0)): 0.4}, "OpenCLIP ViT-B/14, bias 0, voc2007_trainval (0.388) not above"),
        ({("openclip+reg_B", CORLOC, bias(0)): 0.2}, "the limit (0.050) not above fall to corloc of OpenCLIP+reg"),
    ],
    "no_regression": [({("openclip+reg_B", CLASS_ACCURACY, of_all_images(CLS)): 0.84}, "more than 0.01 below")],
}  # fmt: skip
CASES = [(claim, *case) for claim, cases in BREAKS.items() for case in cases]
DATASETS = ("made up", "voc2007_trainval", "voc2012_trainval", "coco20k")
HAVE = ("DINOv2", "DeiT-III", "OpenCLIP")  # methods that the paper finds high-norm patches of
ANALYSIS = {
    "redundant": "outliers", "background": "outliers", "local_poor": "local_information", "global_rich": "classification",
    "lost": "discovery", "no_regression": "classification",
}  # fmt: skip


def changed(change):
    """Return the made-up numbers with some of them changed, those of the last layer, or added to it."""
    values = measured()
    layers = {key[0]: key[5] for key in sorted(values, key=lambda key: key[5])}
    for (model, metric, setting), value in change.items():
        keys = [key for key in values if (key[0], key[2], key[3], key[5]) == (model, metric, setting, layers[model])]
        for key in keys or [(model, "norms", metric, setting, "token", layers[model], "made up")]:
            values[key] = value
    return values


def shares(model, by_layer):
    """Return the made-up numbers with the shares by the layers' own cutoffs of a model."""
    values = measured()
    for layer, value in by_layer.items():
        values[model, "norms", SHARE, OF_LAYER, "token", layer, "made up"] = value
    return values


def test_every_claim_is_judged_by_a_function_of_its_name():
    assert {claim.removeprefix("c.") for claim in CLAIMS} == {*BREAKS, "layer", "training"}
    assert len(CLAIMS) == len(PUBLISHED["claims"]) == 13


@pytest.mark.parametrize("claim", [*BREAKS, "layer"])
def test_it_holds_where_it_is_so(claim):
    found = verdict(claim, measured())
    assert found.outcome == HOLDS, found.reason
    assert found.rule.startswith("Holds if ") and found.numbers


@pytest.mark.parametrize(("claim", "change", "against"), CASES)
def test_it_does_not_hold_where_it_is_not(claim, change, against):
    found = verdict(claim, changed(change))
    assert found.outcome == FAILS, found.reason
    assert found.reason.startswith("Against it: ") and against in found.reason


@pytest.mark.parametrize("claim", [*BREAKS, "layer", "training"])
def test_without_its_models_it_cannot_be_tested(claim):
    found = verdict(claim, measured(), kept=lambda model: model.method.removesuffix("+reg") not in HAVE)
    assert found.outcome == UNTESTED
    assert found.reason.startswith("Needs ") and found.reason.endswith(".") and "\n" not in found.reason


@pytest.mark.parametrize(("claim", "analysis"), ANALYSIS.items())
def test_without_its_analysis_it_cannot_be_tested(claim, analysis):
    found = judge(CLAIMS[f"c.{claim}"], without_analysis(evidence(measured()), analysis))
    assert found.outcome == UNTESTED and f"'{analysis}'" in found.reason
    others = set(ANALYSIS.values()) - {analysis}
    assert judge(CLAIMS[f"c.{claim}"], without_analysis(evidence(measured()), *others)).outcome == HOLDS


@pytest.mark.parametrize("claim", [claim for claim in (*BREAKS, "layer") if claim not in ANALYSIS])
def test_without_norms_it_cannot_be_tested(claim):
    found = judge(CLAIMS[f"c.{claim}"], without_analysis(evidence(measured()), "norms"))
    assert found.outcome == UNTESTED and "'norms'" in found.reason


@pytest.mark.parametrize("claim", ["layer", "redundant", "background", "local_poor", "global_rich"])
def test_models_without_high_norm_patches_do_not_say_what_these_hold(claim):
    found = verdict(claim, measured(), kept=lambda model: model.method == "DINOv2" and model.size in "SB")
    assert found.outcome == UNTESTED and found.reason.startswith("Needs high-norm patches")
    alone = verdict(claim, measured(), kept=lambda model: model.method == "DINOv2" and model.size in "Sg")
    assert alone.outcome == HOLDS and all("ViT-g" in number.name for number in alone.numbers)


@pytest.mark.parametrize(
    ("claim", "methods", "said"),
    [
        ("bimodal", ("DINOv2",), "Left out: DINO."),
        ("others", ("OpenCLIP", "MAE"), "Left out: DeiT-III; DINO."),
        ("attention", ("DINOv2", "DINO"), "Left out: DeiT-III; OpenCLIP; whether the peaks are outside objects."),
        ("registers_remove", ("DINOv2+reg",), "Left out: DeiT-III, OpenCLIP."),
        ("lost", ("DINOv2", "DINOv2+reg"), "Left out: DeiT-III; OpenCLIP."),
    ],
)
def test_methods_that_a_run_lacks_are_left_out(claim, methods, said):
    found = verdict(claim, measured(), kept=lambda model: model.method in methods)
    assert found.outcome == HOLDS and found.reason.endswith(said), found.reason


def test_the_lack_of_high_norm_patches_elsewhere_is_no_claim_by_itself():
    for claim, methods in {"bimodal": ("DINO",), "others": ("DINO", "MAE"), "attention": ("DINO",)}.items():
        assert verdict(claim, measured(), kept=lambda model, methods=methods: model.method in methods).outcome == UNTESTED


def test_sizes_of_both_kinds_are_needed():
    for sizes in ("SB", "Lg"):
        found = verdict("size", measured(), kept=lambda model, sizes=sizes: model.size in sizes)
        assert found.outcome == UNTESTED
        assert found.reason.startswith("Needs a model trained by DINOv2 without registers of size ")
    found = verdict("size", measured(), kept=lambda model: model.size in "BL")
    assert found.outcome == HOLDS and found.reason.endswith("Left out: Tiny, Small, Huge, giant.")


@pytest.mark.parametrize(
    ("by_layer", "outcome"),
    [
        ({20: 0.0}, HOLDS),  # one valley missed
        (dict.fromkeys(range(1, 4), 0.1), HOLDS),  # another kind of high norm in the first layers, which goes again
        (dict.fromkeys(range(10, 15), 0.02), HOLDS),
        (dict.fromkeys(range(8, 15), 0.02), FAILS),
        (dict.fromkeys(range(1, 21), 0.0), FAILS),
        (dict.fromkeys(range(1, 41), 0.0), FAILS),
    ],
)
def test_the_layer_is_the_first_from_which_on_nearly_all_have_them(by_layer, outcome):
    found = verdict("layer", shares("dinov2_g", by_layer), kept=lambda model: model.id == "dinov2_g")
    assert found.outcome == outcome, found.reason
    first = {20: 15, 3: 15, 14: min(by_layer)}.get(max(by_layer)) if outcome == HOLDS else None
    assert first is None or found.numbers[0].value == first / 40


def test_a_claim_about_training_needs_what_nobody_has():
    found = verdict("training", measured())
    assert found.outcome == UNTESTED
    assert found.reason == "Needs checkpoints along the training of DINOv2, which were never released."


def test_of_background_the_border_alone_is_told_without_masks():
    values = {key: value for key, value in measured().items() if key[2] != OUTSIDE}
    found = verdict("background", values)
    assert found.outcome == HOLDS and found.reason.endswith("Left out: objects.")


def test_attention_is_needed_of_models_with_high_norm_patches():
    values = {key: value for key, value in measured().items() if key[2] != ATTENTION_SHARE}
    assert verdict("attention", values).outcome == UNTESTED


def test_boxes_are_compared_in_large_models_on_every_dataset_without_a_bias():
    found = verdict("lost", measured())
    names = [number.name for number in found.numbers]
    assert len(names) == 2 * 3 * (2 + 1 + 1)  # L and g of DINOv2, B of the others
    assert not [name for name in names if "ViT-S" in name or "DINOv2 ViT-B" in name or "bias 0," not in name]
    assert {name.rsplit(", ", 1)[1] for name in names} == set(DATASETS[1:])
    one = {key: value for key, value in measured().items() if key[6] != "coco20k"}
    one = {key: value for key, value in one.items() if not (key[0] == "dinov2_g" and key[6] == "voc2012_trainval")}
    assert len(verdict("lost", one).numbers) == 2 * (2 + 1 + 2 * 2)


def test_what_is_not_run_is_said():
    found = verdict("no_regression", measured())
    assert found.reason.endswith(
        "Left out: the paper's tasks: linear layers on ImageNet-1k, ADE20k and NYUd, zero-shot classes."
    )
    compared = {claim["id"]: claim["compared"] for claim in PUBLISHED["claims"]}
    assert "not run" in compared["c.no_regression"] and "not compared" in compared["c.attention"]
