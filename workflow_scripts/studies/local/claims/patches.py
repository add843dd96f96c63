"""Claims about patches of scenes, classified by 1-NN and by linear probes (Vanyan et al., sections 4, 5.1, 6, A.8.1)."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from scipy.stats import spearmanr

from workflow_scripts.studies.evidence import Evidence, layers_like
from workflow_scripts.studies.local.claims.compared import (
    Lacking,
    Side,
    distance,
    limit,
    present,
    ratio,
    sides,
    within,
)
from workflow_scripts.studies.local.conditions import LINEAR, NN
from workflow_scripts.studies.local.methods import DINO, DINOV2, MAE, PATCH_MODELS, SIMMIM, SUPERVISED
from workflow_scripts.studies.local.street_classes import BUS, EASY
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Half,
    Number,
    Part,
    Verdict,
    above,
    by_halves,
    decide,
    mean,
)

ANALYSIS = "patches"
RULES = {NN: "1-NN", LINEAR: "linear probe"}
# Of the paper's data: the numbers of its Table 2 obey these.
FAR, CLOSE_RATIO = 2, 1.3
SLIGHTLY = 0.05
# The paper says these in words; the numbers are ours.
JUMP = 0.3  # "jumps": the paper's IoU of bus rises from 0.059 to 0.729
EQUAL = 0.05  # "like MAE": the two mIoU of Table 2 are 0.017 apart
SIMILAR = 0.8  # "similar ranking": rank correlation; that of Table 2 is 0.9 in linear probes
FEWEST = 3  # models that can be ranked at all


def knn_linear_gap(evidence: Evidence) -> Verdict:
    """1-NN is far below linear probes in MAE and SimMIM, close to them in the others."""
    lacking = Lacking()
    far = [_gap(one) for one in present(evidence, ANALYSIS, (MAE, SIMMIM), lacking)]
    near = [_gap(one) for one in present(evidence, ANALYSIS, (DINO, DINOV2, SUPERVISED), lacking)]
    parts = [above(one, limit(FAR)) for one in far] + [above(limit(CLOSE_RATIO), one) for one in near]
    rule = (
        f"the mIoU of linear probes over that of 1-NN is above {FAR} in MAE and SimMIM, and below {CLOSE_RATIO} in DINO, "
        "DINOv2 and the supervised ViT"
    )
    return decide(rule, parts, [*far, *near], str(lacking))


def linear_mae_dino(evidence: Evidence) -> Verdict:
    """Linear probes of MAE are a little below those of DINO."""
    dino, mae = (one.number("miou", LINEAR) for one in sides(evidence, ANALYSIS, DINO, MAE))
    short = distance("DINO less MAE", dino, mae)
    rule = f"the mIoU of DINO's linear probe is above that of MAE's, by less than {SLIGHTLY}"
    return decide(rule, [above(dino, mae), above(limit(SLIGHTLY), short)], [dino, mae, short])


def train_size(evidence: Evidence) -> Verdict:
    """Linear probes gain more from training images than 1-NN."""
    lacking = Lacking()

    def gains(one: Side) -> tuple[Side, list[Number]]:
        return one, [_gain(one, rule) for rule in (LINEAR, NN)]

    found = lacking.there(present(evidence, ANALYSIS, PATCH_MODELS, lacking), gains)
    numbers = [number for _, pair in found for number in pair]
    parts = [above(*pair) for _, pair in found]
    rule = "the mIoU rises more from the fewest to the most training images in linear probes than in 1-NN, in every model"
    return decide(rule, parts, numbers, str(lacking))


def layers_sup_dino(evidence: Evidence) -> Verdict:
    """1-NN of DINO and of the supervised ViT is best at two thirds of the depth."""
    lacking = Lacking()
    parts, numbers = [], []
    for one in present(evidence, ANALYSIS, (SUPERVISED, DINO), lacking):
        curve = _by_layer(one)
        top = max(curve.values(), key=lambda number: number.value)
        layer = next(key for key, number in curve.items() if number is top)
        plateau = layers_like(8, 10, max(curve))
        said = f"best layer of {one.name} is {layer} of {max(curve)}"
        parts += [Part(said, layer in plateau), above(top, curve[max(curve)])]
        numbers += [top, curve[max(curve)]]
    rule = (
        "the mIoU of 1-NN is highest in one of layers 8 to 10 of 12, or as deep, and lower in the last, in DINO and the "
        "supervised ViT"
    )
    return decide(rule, parts, numbers, str(lacking))


def layers_dinov2(evidence: Evidence) -> Verdict:
    """DINOv2 is below DINO in hard classes of early layers and above in the last; bus jumps."""
    ours, theirs = sides(evidence, ANALYSIS, DINOV2, DINO)
    hard = [name for name in ours.measured.classes if name not in EASY and name in theirs.measured.classes]
    if not hard:
        raise CannotTestError(f"needs scores of classes but {', '.join(EASY)} in the analysis '{ANALYSIS}'; this run has none")
    curves = [{layer: _classes(one, hard, layer) for layer in _by_layer(one)} for one in (ours, theirs)]
    depth = max(curves[0])
    if depth != max(curves[1]):
        raise CannotTestError("needs DINO and DINOv2 of one depth; those of this run have different numbers of layers")
    early, late = layers_like(1, 9, depth), range(depth - 1, depth + 1)
    pairs = [(curves[0][layer], curves[1][layer]) for layer in range(1, depth + 1)]
    parts = [above(*(pairs[layer - 1][::-1] if layer in early else pairs[layer - 1])) for layer in (*early, *late)]
    numbers, lacking = [number for pair in pairs for number in pair], Lacking()
    if BUS in ours.measured.classes:
        before, after = (ours.number("class_iou", layer=layer, **{"class": BUS}) for layer in (early[-1], depth))
        rise = distance(f"rise of the IoU of {BUS} from layer {early[-1]} to {depth}", after, before)
        parts.append(above(rise, limit(JUMP)))
        numbers += [before, after, rise]
    else:
        lacking.add(f"the class {BUS}")
    rule = (
        "the IoU of 1-NN, mean over classes but the easy five, is lower in DINOv2 than in DINO in each layer before 10 of 12, "
        f"and higher in the last two, and that of {BUS} rises by more than {JUMP} from layer 9 to 12"
    )
    return decide(rule, parts, numbers, str(lacking))


def layers_mim(evidence: Evidence) -> Verdict:
    """SimMIM is better than MAE in middle layers and like it in the last."""
    sim, mae = (_by_layer(one) for one in sides(evidence, ANALYSIS, SIMMIM, MAE))
    if sim.keys() != mae.keys():
        raise CannotTestError("needs SimMIM and MAE of one depth; those of this run have different numbers of layers")
    middle, late = layers_like(5, 8, max(sim)), layers_like(10, 12, max(sim))
    parts = [above(sim[layer], mae[layer]) for layer in middle] + [within(sim[layer], mae[layer], EQUAL) for layer in late]
    rule = (
        f"the mIoU of 1-NN of SimMIM is above that of MAE in layers 5 to 8 of 12, and within {EQUAL} of it in layers 10 to 12"
    )
    return decide(rule, parts, [number for layer in (*middle, *late) for number in (sim[layer], mae[layer])])


def ade_confirms(evidence: Evidence) -> Verdict:
    """Models rank alike on both data sets."""
    lacking = Lacking()
    pairs = lacking.there(PATCH_MODELS, lambda role: [sides(evidence, of, role)[0] for of in (ANALYSIS, "other_patches")])

    def of(rule: str) -> Half:
        both = [[one.number("miou", rule) for one in pair] for pair in pairs]
        with suppress(CannotTestError):  # Table 2 ranks MAE-200 as well, by 1-NN on both
            both += [
                [one.stripped().number("miou", rule) for one in pair] for pair in pairs if (pair[0].role, rule) == (MAE, NN)
            ]
        if len(both) < FEWEST:
            raise CannotTestError(f"needs {FEWEST} models that both data sets were measured on; this run has {len(both)}")
        rho = spearmanr([pair[0].value for pair in both], [pair[1].value for pair in both]).statistic
        agreed = Number(f"rank correlation over {len(both)} models, {RULES[rule]}", float(np.nan_to_num(rho)))
        part = Part(f"{agreed}, at least {SIMILAR} wanted", agreed.value >= SIMILAR)
        return [part], [*(number for pair in both for number in pair), agreed]

    said = (
        f"models are ranked alike by their mIoU on both data sets, with a rank correlation of {SIMILAR} or more, by 1-NN and "
        "by linear probes"
    )
    return by_halves(said, {RULES[rule]: lambda rule=rule: of(rule) for rule in RULES}, str(lacking))


def tiling(evidence: Evidence) -> Verdict:
    """Tiles are better than full images."""

    def of(role: str) -> Half:
        (one,) = sides(evidence, "full_images", role)
        pairs = [[one.number("miou", rule, view=view) for view in ("", "full")] for rule in RULES]
        return [above(*pair) for pair in pairs], [number for pair in pairs for number in pair]

    rule = "the mIoU of tiles is above that of full images, by 1-NN and by linear probes, in DINO and in MAE"
    return by_halves(rule, {role: lambda role=role: of(role) for role in (DINO, MAE)})


def _gap(one: Side) -> Number:
    return ratio(f"linear probe over 1-NN of {one.name}", one.number("miou", LINEAR), one.number("miou"))


def _gain(one: Side, rule: str) -> Number:
    points = one.measured.series("miou", "images", rule)
    if len(points) < 2:
        raise one.lacks(f"several numbers of training images, {RULES[rule]},")
    ends = [one.of_row(point.row, point.at) for point in (points[0], points[-1])]
    return distance(f"gain of {one.name}, {RULES[rule]}, from {points[0].at} to {points[-1].at} images", ends[1], ends[0])


def _by_layer(one: Side) -> dict[int, Number]:
    rows = one.measured.layers("miou")
    if len(rows) < 2:
        raise one.lacks("1-NN of all layers")
    return {row["layer"]: one.of_row(row, f"mIoU of {one.name}, layer {row['layer']}") for row in rows}


def _classes(one: Side, classes: list[str], layer: int) -> Number:
    every = [one.number("class_iou", layer=layer, **{"class": name}) for name in classes]
    return mean(f"IoU of {len(classes)} hard classes of {one.name}, layer {layer}", every)
