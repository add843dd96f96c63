"""Every claim of the thesis study: where it holds, what breaks it, and what it needs."""

import dataclasses
import re

import numpy as np
import pytest

from tests.studies.thesis.breaks import BREAKS, head, kind, maps, scaled, still_maxima
from tests.studies.thesis.made_up_study import (
    CLAIMS,
    DISTANCE,
    EXPLICIT,
    KEYPOINTS,
    KNN,
    METHODS,
    NORMAL,
    PUBLISHED,
    PURITIES,
    RETRIEVAL,
    TASKS,
    VIDEO,
    all_variants,
    blob,
    entry,
    iou,
    main_study,
    peak,
    purity,
    ratio,
    x_matrix,
)
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.studies.verdict import FAILS, HOLDS, UNTESTED

OF_VARIANTS = {
    "c.sparse_patch32",
    "c.offset_diagonal",
    "c.distance_family",
    "c.saliency_early_20",
    "c.cka_families",
    "c.mae_decoder",
    "c.beit_l_parts",
    "c.no_single_best_20",
    "c.size_helps",
    "c.small_patch_helps",
}


def test_the_claims_published_are_those_that_are_judged():
    ids = [claim["id"] for claim in PUBLISHED["claims"]]
    assert len(ids) == len(set(ids)) == 31
    assert set(ids) == set(CLAIMS)


def test_every_claim_holds_where_everything_is_as_the_study_found():
    verdicts = all_variants().judge_all()
    assert {claim: verdict.reason for claim, verdict in verdicts.items() if verdict.outcome != HOLDS} == {}
    assert all(verdict.numbers for verdict in verdicts.values())


def test_main_models_alone_cannot_tell_about_variants():
    verdicts = main_study().judge_all()
    assert {claim for claim, verdict in verdicts.items() if verdict.outcome == UNTESTED} == OF_VARIANTS
    assert all(verdicts[claim].outcome == HOLDS for claim in set(CLAIMS) - OF_VARIANTS)


def test_verdicts_do_not_depend_on_ids_or_order():
    study, renamed = all_variants(), all_variants()
    new = {name: f"m{place}" for place, name in enumerate(reversed(list(study.entries)))}
    renamed.entries = {new[name]: renamed.entries[name] for name in reversed(list(renamed.entries))}
    renamed.main = [new[name] for name in renamed.main]
    renamed.curves = {(new[name], key): values for (name, key), values in renamed.curves.items()}
    for part in ("heads", "maps", "depth", "noise"):
        setattr(renamed, part, {new[name]: value for name, value in getattr(renamed, part).items()})
    for tokens, pairs in renamed.last.items():
        renamed.last[tokens] = {(new[one], new[other]): value for (one, other), value in pairs.items()}
    outcomes = [{claim: verdict.outcome for claim, verdict in s.judge_all().items()} for s in (study, renamed)]
    assert outcomes[0] == outcomes[1]


def test_other_methods_and_untrained_models_take_no_part():
    study = all_variants()
    for name, more in (("deit", {}), ("control", {"supervision": "none"})):
        study.entries[name] = entry("DINO", "ViT-B/16", **more) | {"method": "DeiT-III"}
        study.main.append(name)
        for key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS):
            study.curve(name, key, np.full(12, 1.0))
        study.curve(name, iou(), np.linspace(0, 1, 12))
    assert {claim for claim, verdict in study.judge_all().items() if verdict.outcome != HOLDS} == set()


def test_every_claim_can_be_broken():
    assert set(BREAKS) == set(CLAIMS)


@pytest.mark.parametrize(("claim", "place"), [(claim, i) for claim, cases in BREAKS.items() for i in range(len(cases))])
def test_what_breaks_a_claim(claim, place):
    _, change, said = BREAKS[claim][place]
    study = all_variants()
    change(study)
    verdict = study.judge(claim)
    assert verdict.outcome == FAILS
    assert verdict.reason.startswith("Against it: ")
    assert re.search(said, verdict.reason), verdict.reason


def test_one_sided_changes_that_break_nothing():
    """What looks like a break, but is none by the rules."""
    study = all_variants()
    kind("CLIP B/16", 6, 2, "offset_local")(study)  # still the first half
    still_maxima("DINO B/16")(study)  # not a model with sparse patterns
    study.depth["DINO B/16"] = np.where(np.add(*np.indices((24, 24))) < 16, 0.9, 0.2)  # blocks, no X
    single = study.maps["FS B/16"].single_cls.copy()
    single[:, [2, 6], :, 3, 5] = 2.0  # an early sparse head, and late heads that are not sparse, keep their maxima
    maps("FS B/16", single_cls=single)(study)
    kind("FS B/16", 3, 1, "sparse_repeating")(study)
    for claim in ("c.offset_depth", "c.sparse_vary", "c.x_pattern"):
        assert study.judge(claim).outcome == HOLDS, study.judge(claim).reason


NEEDS = {
    # claim: an analysis or other evidence without which it cannot be tested
    "attention": [claim for claim in CLAIMS if claim.startswith(("c.distance", "c.saliency"))] + ["c.sparse_patch32"],
    "clustering": ["c.recon_cls", "c.features_supervised", "c.part_peak", "c.fs_spatial_early", "c.beit_l_parts"],
    "residual": ["c.residual"],
    "video": ["c.local_best_layer", "c.small_patch_helps", "c.dense_helps", "c.no_single_best", "c.no_single_best_20"],
    "keypoints": ["c.local_best_layer", "c.small_patch_helps", "c.recon_variance"],
    "knn": ["c.recon_cls", "c.no_single_best", "c.recon_variance"],
    "retrieval": ["c.no_single_best"],
}


@pytest.mark.parametrize("analysis", NEEDS)
def test_an_analysis_that_was_left_out(analysis):
    study = all_variants()
    study.drop(analysis)
    verdicts = study.judge_all()
    for claim in NEEDS[analysis]:
        verdict = verdicts[claim]
        assert verdict.outcome == UNTESTED
        assert f"analysis '{analysis}'" in verdict.reason
        assert verdict.numbers == ()


@pytest.mark.parametrize(
    ("part", "claims", "said"),
    [
        (
            "heads",
            ["c.offset_heads", "c.offset_diagonal", "c.offset_depth", "c.last_layer_global", "c.sparse_vary"],
            "attention",
        ),
        ("maps", ["c.sparse_patterns", "c.sparse_vary"], "needs the attention maps of FS"),
        ("depth", ["c.x_pattern", "c.mae_decoder"], "CKA of all layers of"),
        ("last", ["c.cka_cls", "c.cka_spatial", "c.cka_families", "c.recon_cls"], "CKA of the last layers of"),
    ],
)
def test_evidence_that_is_not_there(part, claims, said):
    study = all_variants()
    setattr(study, part, {})
    verdicts = study.judge_all()
    for claim in claims:
        verdict = verdicts[claim]
        assert verdict.outcome == UNTESTED, claim
        assert said.lower() in verdict.reason.lower()


def test_size_counts_the_tasks_that_were_run():
    study = all_variants()
    for analysis in ("clustering", "knn", "retrieval", "video"):
        study.drop(analysis)
    verdict = study.judge("c.size_helps")
    assert verdict.outcome == HOLDS
    assert len(verdict.numbers) == 2 * 9  # nine pairs of sizes, keypoints alone
    study.drop("keypoints")
    assert study.judge("c.size_helps").outcome == UNTESTED


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_missing_is_named(method):
    study = main_study()
    study.main.remove(f"{method} B/16")
    verdict = study.judge("c.distance_order")
    assert verdict.outcome == UNTESTED
    assert verdict.reason == f"Needs one main model trained by {method}; this run has none."


def test_two_main_models_of_a_method_are_not_chosen_between():
    study = all_variants()
    study.main.append("DINO S/8")
    assert study.judge("c.distance_order").reason.startswith("Needs one main model trained by DINO; this run has 2")


def test_chance_needs_the_random_baseline():
    study = main_study()
    del study.entries["Random none/16"]
    assert "random baseline" in study.judge("c.recon_cls").reason


def test_chance_is_the_mean_of_ten_layers():
    study = main_study()
    study.curve("Random none/16", KNN, [0.1] * 10 + [9.0] * 2)
    numbers = {number.name: number.value for number in study.judge("c.recon_cls").numbers}
    assert numbers["chance k-NN"] == pytest.approx(0.1)


def test_no_sparse_heads_no_positions():
    study = main_study()
    head("CLIP B/16", head_kind="global")(study)
    assert study.judge("c.sparse_vary").reason.startswith("Needs sparse repeating heads past the middle of CLIP B/16")
    study = main_study()
    maps("FS B/16", single_cls=study.maps["FS B/16"].single_cls[:1])(study)
    assert "several images" in study.judge("c.sparse_vary").reason
    study = main_study()
    maps("FS B/16", single_cls=study.maps["FS B/16"].single_cls[:2])(study)
    assert study.judge("c.sparse_vary").outcome != UNTESTED


def number(study, claim, name):
    return {number.name: number.value for number in study.judge(claim).numbers}[name]


def test_past_the_middle_begins_with_layer_seven_of_twelve():
    study = main_study()
    alike = study.maps["FS B/16"].average_cls.copy()
    alike[6, 1] = -alike[6, 1]  # layer 7: the heads are opposites
    maps("FS B/16", average_cls=alike)(study)
    assert number(study, "c.sparse_patterns", "correlation of heads of FS B/16") == pytest.approx((-1 + 5) / 6)
    study.curve("FS B/16", iou(), np.arange(12) / 100)
    assert number(study, "c.saliency_drop", "late IoU of FS B/16") == pytest.approx(0.085)


def test_sparse_heads_are_looked_up_by_layer_and_head():
    study = main_study()
    single = np.zeros((10, 12, 2, 14, 14))
    for image in range(10):
        single[image, ..., 0, image] = 1  # every image has a maximum of its own
    single[:, 11, 0, 5, 5] = 2  # but in the first head of the last layer
    maps("FS B/16", single_cls=single)(study)
    kind("FS B/16", 12, 2, "global")(study)
    share = number(study, "c.sparse_vary", "images with one maximum in FS B/16")
    assert share == pytest.approx((8 * 0.1 + 1) / 9)  # two heads in layers 8 to 11, one in layer 12


def test_the_most_local_head_is_shown():
    assert number(main_study(), "c.last_layer_global", "most local head of the last layer of MAE B/16") == 0.1


def test_the_middle_layer_still_is_early():
    study = main_study()
    study.curve("DINO B/16", iou(), [0.1] * 5 + [0.5] * 7)
    assert study.judge("c.saliency_early").outcome == HOLDS
    study.curve("DINO B/16", iou(), [0.1] * 6 + [0.5] * 6)
    assert study.judge("c.saliency_early").outcome == FAILS


def test_a_dip_after_layer_six_does_not_count():
    study = main_study()
    study.curve("DINO B/16", DISTANCE, [0.5] * 6 + [0.3] + [0.6] * 5)
    assert study.judge("c.distance_order").outcome == FAILS


def test_layers_that_were_not_measured_are_named():
    study = main_study()
    study.curve("DINO B/16", DISTANCE, np.linspace(0.5, 0.3, 5))
    verdict = study.judge("c.distance_order")
    assert (verdict.outcome, verdict.reason) == (UNTESTED, "Needs layers 10 to 12 of DINO B/16, which were not measured.")


@pytest.mark.parametrize("layer", [3, 6])
def test_the_dip_lies_within_layers_three_to_six(layer):
    study = main_study()
    curve = np.where(np.arange(1, 13) == layer, 0.3, 0.5)
    curve[9:] = [0.6, 0.7, 0.8]
    study.curve("DINO B/16", DISTANCE, curve)
    assert study.judge("c.distance_order").outcome == HOLDS
    assert number(study, "c.distance_order", "lowest of DINO B/16 in layers 3 to 6 of 12") == 0.3
    assert number(study, "c.distance_order", "DINO B/16 in layers 10 to 12 of 12") == pytest.approx(0.7)


def test_distance_curves_are_compared_at_equal_relative_depth():
    study = all_variants()
    for name, facts in study.entries.items():
        if facts["method"] == "CLIP":
            study.curve(name, DISTANCE, np.linspace(0, 1, facts["layers"]))  # L/14 has 24 layers
    study.curve("CLIP B/32", DISTANCE, np.zeros(12))
    numbers = {number.name: number.value for number in study.judge("c.distance_family").numbers}
    assert numbers["gap within CLIP"] == pytest.approx((0 + 0.5 + 0.5) / 3)  # three pairs
    for name, facts in list(study.entries.items()):
        if facts["method"] != "CLIP":
            del study.entries[name]
    study.main = ["CLIP B/16"]
    assert study.judge("c.distance_family").outcome == UNTESTED  # no other method


def test_one_head_a_layer_has_nothing_to_correlate_with():
    study = main_study()
    maps("DINO B/16", average_cls=blob(12, 6)[:, :1])(study)
    assert "several heads per layer" in study.judge("c.sparse_patterns").reason


def test_models_without_offset_heads_are_left_out_by_name():
    study = main_study()
    head("FS B/16", head_kind="global")(study)
    assert study.judge("c.offset_depth").reason.endswith("Left out: FS B/16, without any.")
    assert study.judge("c.offset_depth").outcome == HOLDS
    for method in ("MAE", "BEiT"):
        head(f"{method} B/16", head_kind="global")(study)
    assert "none has one here" in study.judge("c.offset_depth").reason


def test_patch_32_needs_a_patch_16_beside_it():
    study = all_variants()
    for name in list(study.entries):
        if name.split()[0] in EXPLICIT and name.endswith("/16"):
            del study.entries[name]
            study.main = [model for model in study.main if model != name]
    assert study.judge("c.sparse_patch32").outcome == UNTESTED


def test_thresholds_are_no_stricter_than_said():
    study = all_variants()
    for model in ("MAE B/16", "BEiT B/16"):
        study.depth[model] = x_matrix(24, 0.021)
    for model in ("FS B/16", "CLIP B/16"):
        study.curve(model, ratio("mlp"), [2.0] * 7 + [3.1] * 5)
    for claim in ("c.x_pattern", "c.residual"):
        assert study.judge(claim).outcome == HOLDS, study.judge(claim).reason


def test_more_than_half_is_most():
    study = all_variants()
    for analysis in ("clustering", "knn", "retrieval", "video"):
        study.drop(analysis)
    losing = ("FS L/16", "MAE L/16")  # FS L/16 also against FS S/16: two of four pairs, which is not most
    for name in losing:
        scaled(name, KEYPOINTS, 0.5)(study)
    verdict = study.judge("c.size_helps")
    assert verdict.outcome == HOLDS, verdict.reason  # three methods of five
    scaled("BEiT L/16", KEYPOINTS, 0.5)(study)
    found = "FS in 2 of 4; DINO in 2 of 2; MoCo-v3 in 1 of 1; MAE in 0 of 1; BEiT in 0 of 1"
    assert study.judge("c.size_helps").reason == f"Against it: the larger one is better: {found}."


def test_the_relative_depth_of_best_layers():
    study = all_variants()
    for name, facts in study.entries.items():
        for key in (KNN, RETRIEVAL, VIDEO, KEYPOINTS):
            if (name, key) in study.curves and facts["method"] != "Random":
                study.curve(name, key, peak(facts["layers"], study.curves[name, key].max(), facts["layers"]))
    assert study.judge("c.no_single_best_20").reason == "Against it: relative depths of best layers: 1."  # always the last
    study.curve("FS B/16", KNN, peak(11, study.curves["FS B/16", KNN].max()))
    assert study.judge("c.no_single_best_20").outcome == HOLDS


def test_what_video_alone_says_of_variants_is_said():
    """Table 2.4 itself: variants of FS differ more in video than those of MAE or BEiT."""
    said = "Left out: variants of a method, whose video scores (Table 2.4) contradict it: there FS varies most."
    study = all_variants()
    assert study.judge("c.recon_variance").reason.endswith(said)
    scaled("MAE L/16", VIDEO, 0.2)(study)
    assert "Left out" not in study.judge("c.recon_variance").reason
    assert "Left out" not in main_study().judge("c.recon_variance").reason


def test_size_counts_each_method_once():
    study = all_variants()
    for name in ("DINO S/16", "DINO S/8", "MoCo-v3 S/16"):
        for key in (*TASKS, *PURITIES):
            scaled(name, key, 3)(study)
    verdict = study.judge("c.size_helps")  # FS, MAE and BEiT: three of five
    assert verdict.outcome == HOLDS, verdict.reason


def test_needs_are_said_for_what_is_missing():
    study = main_study()
    assert study.judge("c.beit_l_parts").reason.startswith("Needs models of one method and patch in several sizes (BEiT)")
    assert study.judge("c.size_helps").reason.startswith("Needs models of one method and patch in several sizes (FS,")
    del study.entries["MAE B/16"]
    study.main.remove("MAE B/16")
    assert study.judge("c.mae_decoder").reason == "Needs a model trained by MAE; this run has none."
    study = all_variants()
    del study.entries["BEiT B/16"]
    study.main.remove("BEiT B/16")
    study.add("BEiT", "ViT-H/16", 12)
    assert study.judge("c.beit_l_parts").reason.startswith("Needs BEiT in sizes B and L")


def test_patch_32_alone_has_nothing_to_gain_more_than():
    study = all_variants()
    study.entries = {name: facts for name, facts in study.entries.items() if facts["patch"] == 32}
    study.main = []
    assert study.judge("c.dense_helps").reason.startswith("Every comparison agrees. Left out: whether patch 32")


def test_dense_says_when_patch_32_is_left_out():
    assert "Left out: whether patch 32 gains most" in main_study().judge("c.dense_helps").reason
    assert "Left out" not in all_variants().judge("c.dense_helps").reason


def test_overlapping_intervals_are_said():
    study = main_study()
    assert "within the intervals" not in study.judge("c.dense_helps").reason
    study.half_width = 0.14
    verdict = study.judge("c.dense_helps")
    assert verdict.outcome == HOLDS
    assert "within the intervals: dense score of FS B/16 (0.590) above normal score of FS B/16 (0.340)" in verdict.reason
    assert verdict.numbers[0].ci_low == pytest.approx(0.45)
    scaled("FS B/16", NORMAL, 2)(study)
    assert "not above normal score of FS B/16 (0.680) (within the intervals)" in study.judge("c.dense_helps").reason


@pytest.mark.parametrize(
    ("claim", "half_width", "said"),
    [
        ("c.distance_order", 0.2, r"first layer of FS B/16 \(0.500\) not clearly above lowest .* \(within the intervals\)"),
        ("c.saliency_drop", 0.25, "not clearly above late IoU of"),
        ("c.sparse_patch32", 0.2, "above noise .* not clearly above late IoU of .* above noise"),
        ("c.cka_cls", 0.4, "CKA of DINO B/16 with MoCo-v3 B/16 .* not clearly above"),
        ("c.cka_spatial", 0.5, "not clearly above CKA of FS B/16 with CLIP B/16"),
        ("c.beit_l_parts", 0.1, "best part purity of BEiT L/16 .* not clearly above"),
        ("c.local_best_layer", 0.06, "4 of 6 for video, 0 of them clearly"),
        ("c.no_single_best", 0.1, "tasks that tell models apart: k-NN, retrieval"),
        ("c.recon_variance", 0.2, "not clearly above spread of MoCo-v3 B/16"),
    ],
)
def test_an_order_that_is_not_clear_is_not_taken_for_one(claim, half_width, said):
    study = all_variants()
    study.half_width = half_width
    verdict = study.judge(claim)
    assert verdict.outcome == FAILS
    assert re.search(said, verdict.reason), verdict.reason
    study.half_width = 0.001
    assert study.judge(claim).outcome == HOLDS, study.judge(claim).reason


def test_a_winner_everywhere_within_the_intervals_is_said():
    study = main_study()
    study.half_width = 0.01
    assert "within the intervals" not in study.judge("c.no_single_best").reason
    study.half_width = 0.02  # now FS overlaps the winner of every task
    verdict = study.judge("c.no_single_best")
    assert verdict.outcome == HOLDS
    assert "within the intervals" in verdict.reason


def test_depth_is_relative():
    """Six layers instead of twelve: the same course, the same verdicts."""
    study = main_study()
    for name in study.main:
        study.entries[name]["layers"] = 6
    for key, values in list(study.curves.items()):
        study.curves[key] = values[1::2]
    for heads in study.heads.values():
        for (metric, layer, number), value in list(heads.items()):
            del heads[metric, layer, number]
            if layer % 2 == 0:
                heads[metric, layer // 2, number] = value
    for name in ("MAE B/16", "BEiT B/16"):
        study.heads[name]["head_kind", 4, 1] = "offset_local"
    early = ("c.distance_order", "c.saliency_early", "c.saliency_drop", "c.offset_depth", "c.last_layer_global")
    assert [study.judge(claim).outcome for claim in early] == [HOLDS] * len(early)
    for method in METHODS:
        study.curve(f"{method} B/16", purity("part"), peak(4 if method == "BEiT" else 5, 0.5, 6))
        study.curve(f"{method} B/16", purity("object"), peak(4 if method == "BEiT" else 5, 0.5, 6))
    assert study.judge("c.part_peak").outcome == HOLDS
    study.curve("FS B/16", purity("part"), peak(6, 0.5, 6))
    assert study.judge("c.part_peak").outcome == FAILS


def test_the_first_dataset_counts_and_a_layer_stands_once():
    study = main_study()
    evidence = study.evidence()
    other = evidence.table[evidence.table["analysis"] == "video"].assign(dataset="other", value=0.0)
    both = dataclasses.replace(evidence, table=type(other)(np.vstack([evidence.table, other]), columns=other.columns))
    both = dataclasses.replace(both, table=both.table.astype(evidence.table.dtypes.to_dict()))
    assert CLAIMS["c.dense_helps"](both).outcome == HOLDS
    twice = dataclasses.replace(both, table=both.table.assign(dataset="d"))
    with pytest.raises(AtlasError, match="has jf_mean twice"):
        CLAIMS["c.dense_helps"](twice)


def test_only_the_study_s_variant_of_cka_counts():
    study = main_study()
    evidence = study.evidence()
    cka = evidence.pairs["cka"]
    plain = dataclasses.replace(evidence, pairs={"cka": cka[cka["metric"] == "cka_plain"]})
    with pytest.raises(Exception, match="needs the CKA of the last layers"):
        CLAIMS["c.cka_cls"](plain)
