"""Claims about patches of altered tiles among those of the original ones (Vanyan et al., sections 5.2, A.7.1)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from workflow_scripts.metrics.patch_retrieval import CATEGORIES
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.altered import Altered
from workflow_scripts.studies.local.claims.compared import Lacking, Side, limit, never_rising, present, side
from workflow_scripts.studies.local.methods import DINO, DINOV2, IBOT, MAE, SCALE_MAE, SUPERVISED
from workflow_scripts.studies.verdict import CannotTestError, Number, Part, Verdict, above, all_above, decide, mean

ANALYSIS = "retrieval"
SAME, FINE = CATEGORIES[:2]
WEAK_KINDS = ("blur", "noise")
NEARLY_ALWAYS = 0.9
ABOUT = (0.4, 0.5)  # "about 40 to 50 %" of MAE
MOST = 0.5


def same_patch_small(evidence: Evidence) -> Verdict:
    """The same patch is nearest to slightly altered ones, but in MAE."""
    lacking = Lacking()
    found = [_weakest(one, lacking) for one in _with_mae_stripped(evidence, lacking)]
    mae = _weakest(side(evidence, ANALYSIS, MAE), lacking)
    parts = [above(number, limit(NEARLY_ALWAYS)) for numbers in found for number in numbers]
    parts += [Part(f"{number}, {ABOUT[0]} to {ABOUT[1]} wanted", ABOUT[0] <= number.value <= ABOUT[1]) for number in mae]
    rule = (
        f"the share of the same patch at the weakest blur and noise is above {NEARLY_ALWAYS} in DINO, DINOv2, the supervised "
        f"ViT and MAE without features, and {ABOUT[0]} to {ABOUT[1]} in MAE"
    )
    return decide(rule, parts, [*(number for numbers in found for number in numbers), *mae], str(lacking))


def same_patch_decline(evidence: Evidence) -> Verdict:
    """Stronger alterations move patches away, mostly within their category."""
    lacking, parts, numbers = Lacking(), [], []
    for one in _with_mae_stripped(evidence, lacking):
        for kind, levels in one.alterations("share", kind=SAME).items():
            for run in _directions(kind, levels):
                course = [_share(one, level, SAME) for level in run]
                parts += never_rising(course)
                if len(course) > 1:
                    parts.append(above(course[0], course[-1]))
                left = 1 - course[-1].value
                if left > 0:
                    fine = Number(
                        f"same fine category among the others of {one.name}, {run[-1].word}",
                        _share(one, run[-1], FINE).value / left,
                    )
                    parts.append(above(fine, limit(MOST)))
                    numbers.append(fine)
                numbers += course
    rule = (
        "the share of the same patch never rises with the level of an alteration and is lower at the strongest than at the "
        f"weakest, and more than {MOST} of all others are then of the same fine category, in DINO, DINOv2, the supervised ViT "
        "and MAE without features"
    )
    return decide(rule, parts, numbers, str(lacking))


def geometry_harder(evidence: Evidence) -> Verdict:
    """A small rotation or scale does more than the strongest blur or noise."""
    lacking, parts, numbers = Lacking(), [], []
    for one in present(evidence, ANALYSIS, (SUPERVISED, DINO, DINOV2, IBOT, MAE, SCALE_MAE), lacking):
        kinds = one.alterations("share", kind=SAME)
        strong = [_share(one, levels[-1], SAME) for kind, levels in kinds.items() if kind in WEAK_KINDS]
        small = [_share(one, kinds["rotation"][0], SAME)] if "rotation" in kinds else []
        small += [_share(one, run[0], SAME) for run in _directions("scale", kinds.get("scale", []))]
        if not strong or not small:
            lacking.add(f"blur or noise, and rotations or scales, of {one.name}")
            continue
        parts.append(all_above(strong, small))
        numbers += [*strong, *small]
    if not parts:
        raise CannotTestError(
            "needs blur or noise, and rotations or scales, in the analysis 'retrieval'; this run has not both"
        )
    rule = (
        "the share of the same patch at the smallest rotation and at the scales next to 1 is below that at the strongest blur "
        "and noise, in every model"
    )
    return decide(rule, parts, numbers, str(lacking))


def retrieval_order(evidence: Evidence) -> Verdict:
    """DINO, then masked models without features, then DINOv2 and the supervised ViT, then MAE."""
    lacking = Lacking()
    mae = side(evidence, ANALYSIS, MAE)
    tiers = [
        present(evidence, ANALYSIS, (DINO,), lacking),
        lacking.there((MAE, SCALE_MAE), lambda role: side(evidence, ANALYSIS, role).stripped()),
    ]
    tiers += [present(evidence, ANALYSIS, (DINOV2, SUPERVISED), lacking), [mae]]
    parts, numbers = [], []
    for kind in mae.alterations("share", kind=SAME):
        means = [[_mean(one, kind) for one in tier] for tier in tiers]
        parts += [all_above(high, low) for high, low in pairwise(means)]
        numbers += [number for tier in means for number in tier]
    try:
        scale = side(evidence, ANALYSIS, SCALE_MAE)
        pairs = [(_mean(scale, kind), _mean(mae, kind)) for kind in scale.alterations("share", kind=SAME)]
        parts += [above(*pair) for pair in pairs]
        numbers += [pair[0] for pair in pairs]
    except CannotTestError as error:
        lacking.add(str(error))
    rule = (
        "the share of the same patch, mean over the levels of each alteration, is highest in DINO, then in MAE and Scale-MAE "
        "without features, then in DINOv2 and the supervised ViT, and lowest in MAE, which is below Scale-MAE"
    )
    return decide(rule, parts, numbers, str(lacking))


def ibot(evidence: Evidence) -> Verdict:
    """IBOT is at least as good as DINO, and DINO better than DINOv2."""
    first, second, third = (side(evidence, ANALYSIS, role) for role in (IBOT, DINO, DINOV2))
    parts, numbers = [], []
    for kind in first.alterations("share", kind=SAME):
        own, dino, dinov2 = (_mean(one, kind) for one in (first, second, third))
        parts += [
            Part(f"{own} {'not below' if own.value >= dino.value else 'below'} {dino}", own.value >= dino.value),
            above(dino, dinov2),
        ]
        numbers += [own, dino, dinov2]
    rule = (
        "the share of the same patch, mean over the levels of each alteration, is in iBOT not below that in DINO, which is "
        "above that in DINOv2"
    )
    return decide(rule, parts, numbers)


def other_images(evidence: Evidence) -> Verdict:
    """In other images DINOv2 finds the category best, MAE worst."""
    lacking = Lacking()
    best, worst = (side(evidence, ANALYSIS, role) for role in (DINOV2, MAE))
    middle = present(evidence, ANALYSIS, (SUPERVISED, DINO), lacking)
    parts, numbers = [], []
    for level in best.alterations("share", kind=FINE, elsewhere="yes").get("blur", []):
        own, low, others = (
            [one.number("share", altered=level.word, kind=FINE, elsewhere="yes") for one in group]
            for group in ([best], [worst], middle)
        )
        parts += [all_above(own, others), all_above(others, low)]
        numbers += [*own, *others, *low]
    if not parts:
        raise best.lacks("blurred patches among those of other images")
    rule = (
        "the share of the same fine category among patches of other images is at each blur higher in DINOv2 than in DINO and "
        "the supervised ViT, and in these than in MAE"
    )
    return decide(rule, parts, numbers, str(lacking))


def _with_mae_stripped(evidence: Evidence, lacking: Lacking) -> list[Side]:
    """Return DINO, DINOv2, the supervised ViT and MAE without features, as far as the run has them."""
    found = present(evidence, ANALYSIS, (DINO, DINOV2, SUPERVISED), lacking)
    try:
        return [*found, side(evidence, ANALYSIS, MAE).stripped()]
    except CannotTestError as error:
        lacking.add(str(error))
        return found


def _share(one: Side, level: Altered, kind: str) -> Number:
    number = one.number("share", altered=level.word, kind=kind)
    return number.named(f"{kind} of {one.name}, {level.word}")


def _weakest(one: Side, lacking: Lacking) -> list[Number]:
    kinds = one.alterations("share", kind=SAME)
    for kind in WEAK_KINDS:
        if kind not in kinds:
            lacking.add(kind)
    found = [_share(one, kinds[kind][0], SAME) for kind in WEAK_KINDS if kind in kinds]
    if not found:
        raise one.lacks("blurred or noisy tiles")
    return found


def _directions(kind: str, levels: Sequence[Altered]) -> list[list[Altered]]:
    """Return levels from the weakest to the strongest: scales below and above 1 apart."""
    runs = [[one for one in levels if (one.level < 1) == below] for below in (True, False)] if kind == "scale" else [levels]
    return [sorted(run, key=lambda one: one.strength) for run in runs if run]


def _mean(one: Side, kind: str) -> Number:
    levels = one.alterations("share", kind=SAME).get(kind)
    if not levels:
        raise one.lacks(f"the alteration {kind}")
    return mean(f"{SAME} of {one.name}, mean over {kind}", [_share(one, level, SAME) for level in levels])
