"""Claims about objects found again in later frames (Vanyan et al., sections 5.3, A.3, A.8.2)."""

from __future__ import annotations

from collections.abc import Mapping

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.claims.compared import (
    Lacking,
    Side,
    distance,
    limit,
    never_rising,
    present,
    side,
    within,
)
from workflow_scripts.studies.local.measured import Measured
from workflow_scripts.studies.local.methods import DINO, DINOV2, MAE, MASKED_METHODS, PATCH_MODELS, SUPERVISED
from workflow_scripts.studies.verdict import CannotTestError, Half, Number, Verdict, above, all_above, by_halves, decide, mean

ANALYSIS, OTHER = "association", "other_association"
SMALL_GAP, FLAT_FROM = 10, 30  # frames
ALWAYS = 0.95
# The paper says these in words; the numbers are ours.
CLOSE = 0.05  # "close at small gaps"
FLAT = 0.05  # "flat beyond about 30 frames"


def tracking_best(evidence: Evidence) -> Verdict:
    """DINO and DINOv2 are best, the supervised ViT is next, MAE last."""
    lacking = Lacking()
    best = present(evidence, ANALYSIS, (DINO, DINOV2), lacking)
    middle, last = (side(evidence, ANALYSIS, role).by_gap("instance") for role in (SUPERVISED, MAE))
    top = [one.by_gap("instance") for one in best]
    parts, numbers = [], []
    for gap in _shared(middle, last, *top):
        leading = [of[gap] for of in top]
        parts += [all_above(leading, [middle[gap]]), above(middle[gap], last[gap])]
        if len(top) > 1 and gap < SMALL_GAP:
            parts.append(above(*leading))
        numbers += [*leading, middle[gap], last[gap]]
    rule = (
        "at every gap the accuracy of DINO and DINOv2 is above that of the supervised ViT, and that above MAE's, and for gaps "
        f"below {SMALL_GAP} DINO is above DINOv2"
    )
    return decide(rule, parts, numbers, str(lacking))


def tracking_mae200(evidence: Evidence) -> Verdict:
    """MAE without features is above MAE and the supervised ViT."""
    lacking = Lacking()
    mae = side(evidence, ANALYSIS, MAE)
    own, below = mae.stripped().by_gap("instance"), [mae.by_gap("instance")]
    try:
        below.append(side(evidence, ANALYSIS, SUPERVISED).by_gap("instance"))
    except CannotTestError as error:
        lacking.add(str(error))
    parts = [above(own[gap], of[gap]) for of in below for gap in _shared(own, of)]
    numbers, first = [number for of in (own, *below) for number in of.values()], min(own)
    try:
        near = [one.number("instance", gap=first) for one in present(evidence, ANALYSIS, (DINO, DINOV2), lacking)]
        parts += [within(own[first], one, CLOSE) for one in near]
        numbers += near
    except CannotTestError as error:
        lacking.add(str(error))
    rule = (
        "the accuracy of MAE without features is above that of MAE and of the supervised ViT at every gap, and at the smallest "
        f"within {CLOSE} of that of DINO and DINOv2"
    )
    return decide(rule, parts, numbers, str(lacking))


def tracking_gap(evidence: Evidence) -> Verdict:
    """Accuracy falls with the gap, then stays."""
    lacking, parts, numbers = Lacking(), [], []
    for one in present(evidence, ANALYSIS, PATCH_MODELS, lacking):
        course = one.by_gap("instance")
        parts += never_rising(list(course.values()))
        numbers += course.values()
        far = [gap for gap in course if gap >= FLAT_FROM]
        if len(far) > 1:
            parts.append(within(course[far[-1]], course[far[0]], FLAT))
        else:
            lacking.add(f"gaps from {FLAT_FROM} frames on")
    rule = (
        f"the accuracy of every model never rises with the gap, and changes by at most {FLAT} from the first gap of "
        f"{FLAT_FROM} or more to the largest"
    )
    return decide(rule, parts, numbers, str(lacking))


def tracking_class(evidence: Evidence) -> Verdict:
    """Wrong matches are of the right category, in DINOv2 most."""
    lacking = Lacking()
    best, worst = (_mean(side(evidence, ANALYSIS, role), "category_of_errors") for role in (DINOV2, MAE))
    middle = [_mean(one, "category_of_errors") for one in present(evidence, ANALYSIS, (DINO, SUPERVISED), lacking)]
    parts = [above(best, limit(ALWAYS)), all_above([best], middle), all_above(middle, [worst])]
    rule = (
        f"the share of the right category among wrong matches, mean over gaps, is above {ALWAYS} in DINOv2, lower in DINO "
        "and the supervised ViT, and lower still in MAE"
    )
    return decide(rule, parts, [best, *middle, worst], str(lacking))


def mot17(evidence: Evidence) -> Verdict:
    """Contrastive models are above masked ones on pedestrians, too."""
    lacking = Lacking()
    contrastive = [_mean(one, "instance") for one in present(evidence, OTHER, (DINO, DINOV2), lacking)]
    run = [model for model in evidence.models if model.id in evidence.main_models and model.method in MASKED_METHODS]
    every = [Side(model.method, model, OTHER, Measured.of(evidence.table, model.id, OTHER)) for model in run]
    if not every:
        raise CannotTestError(f"needs a main model trained by {' or '.join(MASKED_METHODS)}; this run has none")
    masked = lacking.there(every, lambda one: _mean(one, "instance"))
    rule = (
        "the accuracy on MOT17, mean over gaps, is higher in DINO and DINOv2 than in MAE and SimMIM, and than in BEiT, "
        "which stands beside them as a masked model where a run has it"
    )
    absent = [method for method in MASKED_METHODS[:2] if method not in {model.method for model in run}]
    for method in absent:
        lacking.add(f"a main model trained by {method}")
    return decide(rule, [all_above(contrastive, masked)], [*contrastive, *masked], str(lacking))


def tiling_tracking(evidence: Evidence) -> Verdict:
    """Tiles are better for DINO, full images for MAE."""

    def of(role: str) -> Half:
        one = side(evidence, ANALYSIS, role)
        whole, tiles = one.by_gap("instance", view="full"), one.by_gap("instance")
        shared = _shared(whole, tiles)
        means = [
            mean(f"accuracy of {one.name}, mean over gaps, {said}", [by[gap] for gap in shared])
            for said, by in (("tiles", tiles), ("full images", whole))
        ]
        gain = distance(f"tiles less full images of {one.name}", *means)
        nothing = Number("no difference", 0)
        return [above(nothing, gain) if role == MAE else above(gain, nothing)], [*means, gain]

    rule = "the accuracy by tiles less that by full images, mean over gaps, is above 0 in DINO and DINOv2, and below 0 in MAE"
    return by_halves(rule, {role: lambda role=role: of(role) for role in (DINO, DINOV2, MAE)})


def _shared(*courses: Mapping[int, Number]) -> list[int]:
    """Return the gaps that all have.

    Raises:
        CannotTestError: there is none.
    """
    shared = [gap for gap in courses[0] if all(gap in course for course in courses[1:])]
    if not shared:
        raise CannotTestError(
            f"needs gaps that all compared models were measured at, in the analysis '{ANALYSIS}'; this run has none"
        )
    return shared


def _mean(one: Side, metric: str) -> Number:
    return mean(f"{metric.replace('_', ' ')} of {one.name}, mean over gaps", list(one.by_gap(metric).values()))
