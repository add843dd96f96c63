"""Claims about how far clusters are positions in the image (Yu et al., sections 3.2.1 to 3.2.3 and 3.3.2)."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Curve, Evidence, layers_like
from workflow_scripts.studies.segmentation.claims.measured import base_and_large, best_miou, nmi_at_best, present, truth_nmi
from workflow_scripts.studies.segmentation.clustering import FACETS
from workflow_scripts.studies.segmentation.methods import DINO, DINOV2, DINOV3, MAE, METHODS, MIM, REGISTERS
from workflow_scripts.studies.verdict import CannotTestError, Number, Part, Verdict, above, all_above, decide

# The paper says these in words; the numbers are ours.
JUMP = 1.25  # "become positional", "jump": at least a quarter more
CORRELATED = -0.3  # the paper's rank correlation is -0.59


def key_position_mim(evidence: Evidence) -> Verdict:
    """Keys of masked-image models follow the position more than DINO's, and these more than the ground truth."""
    masked, lacking = present(evidence, MIM)
    (dino,) = evidence.main(DINO)
    keys, reference, truth = (
        [nmi_at_best(evidence, m, "key") for m in masked],
        nmi_at_best(evidence, dino, "key"),
        truth_nmi(evidence),
    )
    rule = (
        "at the layer of the best mIoU the NMI of keys with position is higher in every masked-image model than in DINO, and "
        "in DINO than in the ground truth"
    )
    return decide(rule, [all_above(keys, [reference]), above(reference, truth)], [*keys, reference, truth], lacking)


def all_above_gt(evidence: Evidence) -> Verdict:
    """All models and embeddings follow the position more than the ground truth does."""
    models, truth = evidence.trained(*METHODS), truth_nmi(evidence)
    numbers = [nmi_at_best(evidence, model, facet) for model in models for facet in FACETS]
    rule = "at the layer of the best mIoU the NMI of every model and embedding is higher than that of the ground truth"
    return decide(rule, [above(number, truth) for number in numbers], [*numbers, truth])


def layer_dino(evidence: Evidence) -> Verdict:
    """The position is in DINO's early keys."""
    (dino,) = evidence.main(DINO)
    curve = evidence.score(dino, "nmi_key")
    third = max(1, dino.layers // 3)
    first, last = (
        curve.mean(range(1, third + 1), "first third"),
        curve.mean(range(dino.layers - third + 1, dino.layers + 1), "last third"),
    )
    window = layers_like(2, 3, dino.layers)
    parts = [Part(f"highest in layer {curve.best_layer} of {dino.layers}", curve.best_layer in window), above(first, last)]
    rule = (
        "the NMI of DINO's keys is highest within layers 2 to 3 of 12, and its mean over the last third of the layers below "
        "that over the first"
    )
    return decide(rule, parts, [*_points(curve), first, last])


def layer_mae(evidence: Evidence) -> Verdict:
    """MAE's keys follow the position from about the middle on."""
    (mae,) = evidence.main(MAE)
    curve = evidence.score(mae, "nmi_key")
    early, late = layers_like(1, 4, mae.layers), layers_like(6, 12, mae.layers)
    before, after = curve.mean(early, "mean before layer 5"), curve.mean(late, "mean after layer 5")
    parts = [
        above(after, before.times(JUMP, f"{JUMP} times the {before.name}")),
        above(curve.lowest(late, "lowest after"), before),
    ]
    rule = (
        f"the mean NMI of MAE's keys over layers 6 to 12 of 12 is more than {JUMP} times that over layers 1 to 4, and in each "
        "of the former above the latter"
    )
    return decide(rule, parts, [*_points(curve), before, after])


def layer_dinov3(evidence: Evidence) -> Verdict:
    """DINOv3's keys follow the position at every layer."""
    dinov3, dino = evidence.main(DINOV3, DINO)
    curve, truth, reference = evidence.score(dinov3, "nmi_key"), truth_nmi(evidence), nmi_at_best(evidence, dino, "key")
    lowest = curve.lowest(range(1, dinov3.layers + 1), f"lowest NMI of {dinov3.display_name}, key")
    rule = "the NMI of DINOv3's keys is at every layer above that of DINO's keys at their best layer, and of the ground truth"
    return decide(rule, [above(lowest, reference), above(lowest, truth)], [*_points(curve), reference, truth])


def tokens_less(evidence: Evidence) -> Verdict:
    """Tokens follow the position less than keys; DINOv3's do in the end."""
    parts, numbers = [], []
    for model in evidence.trained(*METHODS):
        curves = {facet: evidence.score(model, f"nmi_{facet}") for facet in ("key", "token")}
        before = range(1, model.layers if model.method == DINOV3 else model.layers + 1)
        keys, tokens = (curve.mean(before, f"mean NMI of {model.display_name}, {f}") for f, curve in curves.items())
        parts.append(above(keys, tokens))
        numbers += [keys, tokens]
        if model.method == DINOV3:
            last = curves["token"].at(model.layers)
            parts.append(above(last, tokens.times(JUMP, f"{JUMP} times the {tokens.name} before")))
            numbers.append(last)
    there = any(model.method == DINOV3 for model in evidence.models)
    rule = (
        "the mean NMI over layers is lower of tokens than of keys in every model, and that of DINOv3's tokens in the last "
        f"layer more than {JUMP} times their mean before"
    )
    return decide(rule, parts, numbers, "" if there else f"{DINOV3}, which this run has not")


def dinov3_l(evidence: Evidence) -> Verdict:
    """DINOv3 L follows the position more than B, and segments worse."""
    parts, numbers = [], []
    pairs = base_and_large(evidence, DINOV3)
    if not pairs:
        raise CannotTestError(f"needs {DINOV3} in sizes B and L with one patch size; this run has not both")
    for small, large in pairs:
        nmi = [nmi_at_best(evidence, model, "token") for model in (large, small)]
        miou = [best_miou(evidence, model, "token") for model in (small, large)]
        parts += [above(*nmi), above(*miou)]
        numbers += [*nmi, *miou]
    rule = "at the best layer the NMI of tokens is higher, and the mIoU lower, in DINOv3 L than in DINOv3 B"
    return decide(rule, parts, numbers, "which classes are borders of the image; the table has the information of every class")


def dinov2_l(evidence: Evidence) -> Verdict:
    """Registers take the position out of DINOv2 L."""
    plain, registers = (_of_size(evidence, method, "L") for method in (DINOV2, REGISTERS))
    numbers = [nmi_at_best(evidence, model, "token") for model in (plain, registers)]
    rule = "at the best layer the NMI of tokens is higher in DINOv2 L than in DINOv2 L with registers"
    return decide(rule, [above(*numbers)], numbers, "how noisy the maps are")


def ibot(evidence: Evidence) -> Verdict:
    """Tokens of iBOT follow the position at all sizes."""
    truth = truth_nmi(evidence)
    numbers = [nmi_at_best(evidence, model, "token") for model in evidence.trained("iBOT")]
    rule = "at the best layer the NMI of iBOT's tokens is higher than that of the ground truth, at every size"
    return decide(rule, [above(number, truth) for number in numbers], [*numbers, truth], "how finely parts are told apart")


def nmi_miou(evidence: Evidence) -> Verdict:
    """The more clusters are positions, the worse they are classes."""
    nmi, miou = [], []
    for model in evidence.trained(*METHODS):
        for facet in FACETS:
            nmi.append(evidence.score(model, f"nmi_{facet}").values)
            miou.append(evidence.score(model, f"miou_{facet}").values)
    rho = Number("rank correlation", float(spearmanr(np.concatenate(nmi), np.concatenate(miou)).statistic))
    limit = Number("the limit", CORRELATED)
    rule = f"Spearman's correlation of NMI and mIoU over all models, layers and embeddings is below {CORRELATED}"
    return decide(rule, [above(limit, rho)], [rho])


def _points(curve: Curve) -> list[Number]:
    return [curve.at(int(layer)) for layer in curve.layers]


def _of_size(evidence: Evidence, method: str, size: str) -> RunModel:
    found = [model for model in evidence.trained(method) if model.size == size]
    if len(found) != 1:
        raise CannotTestError(f"needs one {method} of size {size}; this run has {len(found) or 'none'}")
    return found[0]
