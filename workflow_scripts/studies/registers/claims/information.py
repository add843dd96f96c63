"""Claims about where high-norm patches are and what they hold (Darcet et al., section 2, appendix A; figures 2, 5, table 1)."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.registers.claims.compared import (
    CLASSES,
    LOCAL,
    NORMS,
    OUTLIERS,
    SEEN_IN,
    any_of,
    holders,
    last,
    plain,
    share,
)
from workflow_scripts.studies.registers.conditions import (
    ATTENTION_SHARE,
    BORDER,
    BORDER_SHARE,
    CLASS_ACCURACY,
    CLS,
    EVERY,
    HIGH,
    INSIDE,
    NEIGHBOURS_OF_PATCH,
    NORMAL,
    OUTSIDE,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
    TOKEN_SHARE,
    of_all_images,
)
from workflow_scripts.studies.registers.methods import DEIT3, DINO, DINOV2, OPENCLIP
from workflow_scripts.studies.verdict import Half, Number, Part, Verdict, above, by_halves, clearly_above, decide

# The paper says these in words; the numbers are ours.
MOSTLY = 0.5
CLOSE_TO_CLS = 0.2  # the paper's largest distance is 0.17, on ImageNet-1k
PEAK = 2  # times the attention of patches that all get the same


def redundant(evidence: Evidence) -> Verdict:
    """High-norm patches are like their neighbours."""
    parts, numbers = [], []
    for model in holders(evidence, OUTLIERS, NEIGHBOURS_OF_PATCH, NORMAL):
        high, normal = (last(evidence, model, OUTLIERS, NEIGHBOURS_OF_PATCH, kind) for kind in (HIGH, NORMAL))
        parts.append(clearly_above(high, normal))
        numbers += [high, normal]
    rule = (
        "in every DINOv2 that has high-norm patches, their mean cosine to their neighbours after the patch embedding is above "
        "that of the others, neither within the other's interval"
    )
    return decide(rule, parts, numbers)


def background(evidence: Evidence) -> Verdict:
    """High-norm patches are mostly in the background, and more often at the border."""
    models = holders(evidence, OUTLIERS, NEIGHBOURS_OF_PATCH, NORMAL)

    def objects() -> Half:
        pairs = [[last(evidence, model, OUTLIERS, OUTSIDE, kind) for kind in (HIGH, EVERY)] for model in models]
        parts = [part for high, of_all in pairs for part in (clearly_above(high, of_all), above(high, _limit(MOSTLY)))]
        return parts, _flat(pairs)

    def border() -> Half:
        pairs = [[last(evidence, model, OUTLIERS, BORDER_SHARE, place) for place in (BORDER, INSIDE)] for model in models]
        return [clearly_above(*pair) for pair in pairs], _flat(pairs)

    rule = (
        "in every DINOv2 that has high-norm patches, the share of these outside all object masks is above that of all patches "
        f"and above {MOSTLY}, and a larger share of the outermost ring of patches than of those within is high-norm; where "
        "there are intervals, no number is within the other's"
    )
    return by_halves(rule, {"objects": objects, "the border": border})


def local_poor(evidence: Evidence) -> Verdict:
    """High-norm patches hold less of their position and pixels."""

    def of(metric: str, more: str, less: str) -> Half:
        models = holders(evidence, LOCAL, metric, NORMAL)
        pairs = [[last(evidence, model, LOCAL, metric, kind) for kind in (more, less)] for model in models]
        return [clearly_above(*pair) for pair in pairs], _flat(pairs)

    rule = (
        "in every DINOv2 that has high-norm patches, linear models find their position less often and farther off than that of "
        "the others, and make their pixels with a larger error; where there are intervals, no number is within the other's"
    )
    return by_halves(
        rule,
        {
            "accuracy of the position": lambda: of(POSITION_ACCURACY, NORMAL, HIGH),
            "distance of the position": lambda: of(POSITION_DISTANCE, HIGH, NORMAL),
            "pixels": lambda: of(PIXEL_ERROR, HIGH, NORMAL),
        },
    )


def global_rich(evidence: Evidence) -> Verdict:
    """One high-norm patch tells the class better than another patch, and nearly as well as CLS."""
    parts, numbers = [], []
    for model in holders(evidence, CLASSES, CLASS_ACCURACY, of_all_images(NORMAL)):
        high, normal, cls = (last(evidence, model, CLASSES, CLASS_ACCURACY, kind) for kind in (HIGH, NORMAL, CLS))
        near = high.value >= cls.value - CLOSE_TO_CLS
        parts += [
            clearly_above(high, normal),
            Part(f"{high} {'at most' if near else 'more than'} {CLOSE_TO_CLS} below {cls}", near),
        ]
        numbers += [high, normal, cls]
    rule = (
        "in every DINOv2 that has high-norm patches, the class of an image is told by one of them more often than by one of "
        "the others, where there are intervals neither within the other's, and at most "
        f"{CLOSE_TO_CLS} less often than by CLS"
    )
    return decide(rule, parts, numbers, "datasets of the paper that the run has not")


def attention(evidence: Evidence) -> Verdict:
    """The CLS token attends to high-norm patches, in DINO there are none."""

    def seen(method: str) -> Half:
        halves = [_drawn(evidence, model) for model in plain(evidence, method, SEEN_IN[method])]
        return [part for part, _ in halves], [number for _, of in halves for number in of]

    def dino() -> Half:
        halves = [_drawn(evidence, model) for model in plain(evidence, DINO)]
        against = [Part(part.found, not part.fits) for part, _ in halves]
        return against, [number for _, of in halves for number in of]

    halves = {method: lambda method=method: seen(method) for method in (DINOV2, DEIT3, OPENCLIP)}
    by_halves("", halves)  # without all three, there is nothing that DINO differs from
    rule = (
        "in every DINOv2 of size L or larger, and DeiT-III and OpenCLIP of size B or L, high-norm patches get more than "
        f"{PEAK} times the CLS token's attention in the last layer that their number alone would give them, and in no DINO"
    )
    return by_halves(rule, halves | {DINO: dino}, "whether the peaks are outside objects")


def _drawn(evidence: Evidence, model: RunModel) -> tuple[Part, list[Number]]:
    """Return whether high-norm patches of a model draw attention, and by which numbers: without such patches none does."""
    high = share(evidence, model)
    if not high.value:
        return any_of(high), [high]
    attended, tokens = (last(evidence, model, NORMS, metric, HIGH) for metric in (ATTENTION_SHARE, TOKEN_SHARE))
    return above(attended, tokens.times(PEAK, f"{PEAK} times the {tokens.name}")), [attended, tokens]


def _flat(pairs: Sequence[Sequence[Number]]) -> list[Number]:
    return [number for pair in pairs for number in pair]


def _limit(value: float) -> Number:
    return Number("the limit", value)
