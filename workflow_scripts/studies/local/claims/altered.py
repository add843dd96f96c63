"""Claims about patches of altered images (Vanyan et al., section 5.1)."""

from __future__ import annotations

from workflow_scripts.data.alterations import BANDS
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.altered import Altered
from workflow_scripts.studies.local.claims.compared import Lacking, Side, limit, present, side
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.methods import DINO, DINOV2, MAE, SUPERVISED
from workflow_scripts.studies.verdict import CannotTestError, Half, Number, Part, Verdict, above, all_above, by_halves, decide

ANALYSIS = "patches"
RULES = {NN: "1-NN", LINEAR: "linear probe"}
# The paper says these in words; the numbers are ours.
ALIKE = 0.1  # "nearly the same ratio": of the shares of the clean mIoU that are lost
EVERYWHERE = 0.9  # "one class everywhere"
UNHARMED = 0.95  # "does not suffer": share of the clean mIoU


def robust_dinov2_small(evidence: Evidence) -> Verdict:
    """DINOv2 bears the smallest blur best, MAE none."""
    lacking = Lacking()
    every = present(evidence, ANALYSIS, (DINOV2, DINO, SUPERVISED), lacking)
    mae = side(evidence, ANALYSIS, MAE)
    if every[0].role != DINOV2 or len(every) < 2:
        raise CannotTestError("needs DINOv2, and DINO or a supervised ViT, in the analysis 'patches'; this run has not both")

    def of(rule: str) -> Half:
        levels = _levels(mae, rule, "blur")
        if len(levels) < 2:
            raise mae.lacks("several levels of blur")
        losses = [[_loss(one, rule, level) for one in every] for level in levels]
        parts = [all_above(losses[0][1:], losses[0][:1])]
        for strong in losses[-2:] if len(levels) > 2 else losses[-1:]:
            low, high = min(strong, key=_value), max(strong, key=_value)
            parts.append(Part(f"{low} to {high}, at most {ALIKE} apart wanted", high.value - low.value <= ALIKE))
        worst = [_loss(mae, rule, level) for level in levels]
        parts += [all_above([own], others) for own, others in zip(worst, losses, strict=True)]
        return parts, [*(number for at in losses for number in at), *worst]

    rule = (
        "blur takes a smaller share of the clean mIoU from DINOv2 than from DINO and the supervised ViT at the weakest level, "
        f"shares within {ALIKE} from the three at the two strongest, and the largest from MAE at every level, by 1-NN and by "
        "linear probes"
    )
    return by_halves(rule, {RULES[one]: lambda one=one: of(one) for one in RULES}, str(lacking))


def mae_knn_collapse(evidence: Evidence) -> Verdict:
    """MAE predicts one class of slightly altered images."""
    mae, lacking = side(evidence, ANALYSIS, MAE), Lacking()
    weakest = lacking.there(("blur", "noise"), lambda kind: _levels(mae, NN, kind, "largest_share")[0])
    shares = [mae.number("largest_share", altered=one.word) for one in weakest]
    rule = f"more than {EVERYWHERE} of all pixels are predicted as one class by 1-NN of MAE at the weakest blur and noise"
    return decide(rule, [above(share, limit(EVERYWHERE)) for share in shares], shares, str(lacking))


def supervised_highfreq(evidence: Evidence) -> Verdict:
    """The supervised ViT bears the highest band."""
    one = side(evidence, ANALYSIS, SUPERVISED)

    def of(rule: str) -> Half:
        highest = [band for band in _levels(one, rule, "band") if band.level == BANDS]
        if not highest:
            raise one.lacks(f"noise of band {BANDS}, {RULES[rule]},")
        kept = _kept(one, rule, highest[0])
        return [above(kept, limit(UNHARMED))], [kept]

    rule = (
        f"the mIoU of the supervised ViT with noise of the highest band is above {UNHARMED} of the clean one, by 1-NN and by "
        "linear probes"
    )
    return by_halves(rule, {RULES[said]: lambda said=said: of(said) for said in RULES})


def mae_allfreq(evidence: Evidence) -> Verdict:
    """MAE loses most by every band."""
    mae, lacking = side(evidence, ANALYSIS, MAE), Lacking()
    others = present(evidence, ANALYSIS, (DINO, DINOV2, SUPERVISED), lacking)

    def of(rule: str) -> Half:
        parts, numbers = [], []
        for band in _levels(mae, rule, "band"):
            own, theirs = _loss(mae, rule, band), [_loss(one, rule, band) for one in others]
            parts.append(all_above([own], theirs))
            numbers += [own, *theirs]
        return parts, numbers

    rule = (
        "noise of each band takes a larger share of the clean mIoU from MAE than from DINO, DINOv2 and the supervised ViT, by "
        "1-NN and by linear probes"
    )
    return by_halves(rule, {RULES[said]: lambda said=said: of(said) for said in RULES}, str(lacking))


def _levels(one: Side, rule: str, kind: str, metric: str = "miou") -> list[Altered]:
    """Return the levels of a kind, from the weakest."""
    levels = one.alterations(metric, rule).get(kind)
    if not levels:
        raise one.lacks(f"{kind} of images, {RULES[rule]},")
    return levels


def _kept(one: Side, rule: str, level: Altered) -> Number:
    clean, altered = one.number("miou", rule), one.number("miou", rule, altered=level.word)
    name = f"share of the clean mIoU of {one.name}, {RULES[rule]}, {level.word}"
    return altered.times(1 / clean.value if clean.value else float("nan"), name)


def _loss(one: Side, rule: str, level: Altered) -> Number:
    kept = _kept(one, rule, level)
    return Number(f"loss of {one.name}, {RULES[rule]}, {level.word}", 1 - kept.value, 1 - kept.ci_high, 1 - kept.ci_low)


def _value(number: Number) -> float:
    return number.value
