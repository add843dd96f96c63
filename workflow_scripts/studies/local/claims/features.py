"""Claims about the features of largest variance: what they hold, what is lost without them (Vanyan et al., sections 4, 6)."""

from __future__ import annotations

import numpy as np

from workflow_scripts.metrics.feature_variance import removal_order, shared_top
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.local.claims.compared import Lacking, Side, distance, limit, present, side, within
from workflow_scripts.studies.local.conditions import DECODER, LINEAR, NORMALISED, NORMED, PLAIN, RIDGE
from workflow_scripts.studies.local.methods import DINO, DINOV2, MAE, SIMMIM, SUPERVISED
from workflow_scripts.studies.verdict import Half, Number, Part, Verdict, above, all_above, by_halves, decide

ANALYSIS = "patches"
TEN_TIMES, NEARLY_ALL = 10, 0.9
LOSES, NEUTRAL = 0.02, 0.03  # of mIoU
FEW = 0.05  # of the features removed: the 10 of 200 that the paper names
NEAR_PEAK = 2  # "near 200": between half and twice as many
SHARED = 0.95  # of the features removed: 190 of 200
# The paper says these in words; the numbers are ours.
SAME_GAIN = 0.05  # of mIoU: "nearly the same gain"
AS_WELL = 0.02  # of R2: the paper's are 0.004 apart
DIRECTIONS = {"mse": -1, "psnr": 1, "ssim": 1}  # metric -> whether higher is better


def variance_shape(evidence: Evidence) -> Verdict:
    """MAE and SimMIM have a few features of very large variance."""
    lacking = Lacking()
    peaked = lacking.there(present(evidence, ANALYSIS, (MAE, SIMMIM), lacking), _peak)
    flat = lacking.there(present(evidence, ANALYSIS, (DINO, SUPERVISED), lacking), _peak)
    high = max(flat, key=lambda number: number.value)
    wanted = high.times(TEN_TIMES, f"{TEN_TIMES} times the {high.name}")
    rule = (
        f"the largest variance over the median is more than {TEN_TIMES} times as high in MAE and SimMIM as in DINO and the "
        "supervised ViT"
    )
    return decide(rule, [all_above(peaked, [wanted])], [*peaked, *flat], str(lacking))


def junk_variance_share(evidence: Evidence) -> Verdict:
    """The removed features of MAE hold nearly all variance."""
    mae = side(evidence, ANALYSIS, MAE)
    variances, count = np.sort(_variances(mae))[::-1], mae.main_removal
    share = Number(
        f"variance of {count} of {len(variances)} features over that of all",
        float(variances[:count].sum() / variances.sum()),
        unit="share",
    )
    rule = (
        f"the features that are removed from MAE, 200 of 768 in the paper, hold more than {NEARLY_ALL} of the variance of all"
    )
    return decide(rule, [above(share, limit(NEARLY_ALL))], [share])


def remove_helps_mae(evidence: Evidence) -> Verdict:
    """1-NN of MAE rises up to the removal, then falls; linear probes bear it."""
    mae = side(evidence, ANALYSIS, MAE)
    count = mae.main_removal
    near, linear = (_sweep(mae, rule) for rule in (None, LINEAR))
    between = [m for m in near if 0 < m < count]
    if count not in near or not between or max(near) <= count:
        raise mae.lacks(f"a sweep with fewer than {count}, {count} and more features removed")
    few = min(between, key=lambda m: abs(m - FEW * count))
    top = max(near, key=lambda m: near[m].value)
    parts = [
        above(near[few], near[0]),
        above(near[count], near[few]),
        Part(f"1-NN is best without {top} features", count / NEAR_PEAK <= top <= count * NEAR_PEAK),
        above(near[count], near[max(near)]),
    ]
    numbers, lacking = [near[m] for m in (0, few, count, max(near))], Lacking()
    if {0, count} <= linear.keys() and max(linear) > count:
        loss = distance(f"loss of the linear probe without {count}", linear[0], linear[count])
        parts += [above(limit(LOSES), loss), above(linear[count], linear[max(linear)])]
        numbers += [linear[0], linear[count], linear[max(linear)], loss]
    else:
        lacking.add("linear probes without features")
    rule = (
        "the mIoU of 1-NN of MAE rises from no feature removed to a twentieth of the run's removal to that itself (0, 10, 200 "
        "in the paper), is highest between half and twice that, linear probes lose less than "
        f"{LOSES} up to there, and both are lower without the most features removed"
    )
    return decide(rule, parts, numbers, str(lacking))


def remove_neutral_others(evidence: Evidence) -> Verdict:
    """1-NN of the other models does not change much."""
    lacking = Lacking()

    def pair(one: Side) -> list[Number]:
        return [one.number("miou"), one.stripped().number("miou")]

    pairs = lacking.there(present(evidence, ANALYSIS, (DINO, DINOV2, SUPERVISED), lacking), pair)
    rule = (
        f"the mIoU of 1-NN without the features that the run removes is within {NEUTRAL} of that with them, in DINO, DINOv2 "
        "and the supervised ViT"
    )
    return decide(
        rule, [within(after, before, NEUTRAL) for before, after in pairs], [n for one in pairs for n in one], str(lacking)
    )


def bn_alternative(evidence: Evidence) -> Verdict:
    """Batch norm's statistics do as much for 1-NN of MAE as removal."""

    def of_mae() -> Half:
        mae = side(evidence, ANALYSIS, MAE)
        plain, normed, stripped = mae.number("miou"), mae.number("miou", NORMALISED), mae.stripped().number("miou")
        return [within(normed, stripped, SAME_GAIN), above(normed, plain)], [plain, normed, stripped]

    def of_simmim() -> Half:
        sim = side(evidence, ANALYSIS, SIMMIM)
        pairs = [
            (sim.number("miou", NORMALISED), sim.number("miou")),
            (sim.number("miou", PLAIN), sim.number("miou", NORMED)),
        ]
        return [above(*pair) for pair in pairs], [number for pair in pairs for number in pair]

    rule = (
        f"the mIoU of 1-NN of MAE with statistics of batch norm is above its own and within {SAME_GAIN} of that without "
        "features, that of SimMIM is above its own, and the linear probe of SimMIM is lower with batch norm than without"
    )
    return by_halves(rule, {MAE: of_mae, SIMMIM: of_simmim})


def overlap(evidence: Evidence) -> Verdict:
    """The removed features are the same on other data sets."""
    mae = side(evidence, ANALYSIS, MAE)
    count, order = mae.main_removal, removal_order(_variances(mae))

    def of(analysis: str) -> Half:
        other = side(evidence, analysis, MAE)
        shared = Number(
            f"shared of {count} features, {analysis}", shared_top(order, removal_order(_variances(other)), count), unit="count"
        )
        wanted = Number(f"{SHARED} of {count}", SHARED * count)
        return [Part(f"{shared}, at least {wanted.value:g} wanted", shared.value >= wanted.value)], [shared]

    rule = (
        f"of the features removed from MAE at least {SHARED} are also those of either other data set: 190 of 200 in the paper"
    )
    return by_halves(rule, {of_: lambda of_=of_: of(of_) for of_ in ("other_patches", "retrieval")})


def no_global_context(evidence: Evidence) -> Verdict:
    """The removed features say little about the image."""
    mae = side(evidence, "context", MAE)
    whole, left, random, top = (mae.number("r2", RIDGE, features=of) for of in ("", "without top", "random", "top"))
    rule = (
        f"R2 of MAE, mean over classes, without the features of largest variance is within {AS_WELL} of that of all, and that "
        "of as many random features above that of these alone"
    )
    return decide(rule, [within(left, whole, AS_WELL), above(random, top)], [whole, left, random, top])


def reconstruction(evidence: Evidence) -> Verdict:
    """Reconstruction is a little worse without the features of largest variance."""
    mae = side(evidence, "reconstruction", MAE)

    def of(masked: int) -> Half:
        parts, numbers = [], []
        for metric, sign in DIRECTIONS.items():
            whole, top, lowest = (mae.number(metric, DECODER, zeroed=which, masked=masked) for which in ("", "top", "lowest"))
            harm, control = (
                Number(
                    f"{metric} made worse by the {which} features at zero, {masked} % masked", sign * (whole.value - one.value)
                )
                for which, one in (("top", top), ("lowest", lowest))
            )
            parts += [above(harm, Number("no harm", 0)), above(harm, Number(control.name, abs(control.value)))]
            numbers += [whole, top, lowest]
        return parts, numbers

    rule = (
        "with the features of largest variance at zero the error of MAE's reconstruction is higher and its PSNR and SSIM "
        "lower, by more than what those of smallest variance at zero change, with 0 % and with 75 % of the patches masked"
    )
    if not mae.measured.masked("mse"):
        raise mae.lacks("the error of reconstructions")
    return by_halves(rule, {f"{masked} % masked": lambda masked=masked: of(masked) for masked in mae.measured.masked("mse")})


def _variances(one: Side) -> np.ndarray:
    values = one.measured.variances
    if not len(values) or not np.isfinite(values).all():
        raise one.lacks("the variance of every feature")
    return values


def _peak(one: Side) -> Number:
    values = _variances(one)
    middle = float(np.median(values))
    return Number(f"largest over median variance of {one.name}", float(values.max()) / middle if middle else float("inf"))


def _sweep(one: Side, rule: str | None) -> dict[int, Number]:
    points = one.measured.sweep("miou", *([rule] if rule else []))
    said = "linear probe" if rule else "1-NN"
    return {int(point.at): one.of_row(point.row, f"mIoU of {one.name}, {said}, without {point.at}") for point in points}
