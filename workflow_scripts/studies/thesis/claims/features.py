"""The thesis' claims about features: similarity, residual connections, clustering (thesis sections 2.4 and 2.7.5).

Layers are given for the study's 12; other depths are judged at the same relative depth.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Curve, Evidence, late_layers, layers_like
from workflow_scripts.studies.thesis.claims.methods import (
    BEIT,
    CLIP,
    CONTRASTIVE,
    DINO,
    EXPLICIT,
    FS,
    MAE,
    METHODS,
    MOCO,
    RECONSTRUCTION,
    SELF_SUPERVISED,
    depth_cka,
    last_layer_cka,
)
from workflow_scripts.studies.thesis.claims.patterns import ridge_contrast
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Number,
    Part,
    Verdict,
    above,
    all_above,
    decide,
    mean,
    percent,
)

# The study says these in words; the numbers are ours.
AS_HIGH = 0.9  # "as high as": at least 90 % of the other
RIDGE = 0.02  # CKA by which the anti-diagonal of an X stands out from the places beside it
SHARP = 1.5  # a ratio "changes sharply" if it grows or shrinks 1.5 times from one layer to the next
FAR_BETTER = 1.1  # "far better": at least 110 % of the other


def recon_cls(evidence: Evidence) -> Verdict:
    """CLS tokens without an objective still carry the class, and MAE's resemble the contrastive ones."""
    parts, numbers = [], []
    for what, key in (("purity", "purity_cls"), ("k-NN", "knn")):
        chance = evidence.chance(key).named(f"chance {what}")
        numbers.append(chance)
        for model in evidence.main(*RECONSTRUCTION):
            best = evidence.score(model, key).best(f"best CLS {what} of {model.display_name}")
            parts.append(above(best, chance))
            numbers.append(best)
    mae, dino, moco, beit = evidence.main(MAE, DINO, MOCO, BEIT)
    with_beit = last_layer_cka(evidence, mae, beit, "cls")
    for other in (dino, moco):
        similarity = last_layer_cka(evidence, mae, other, "cls")
        parts.append(above(similarity, with_beit.times(AS_HIGH, f"{percent(AS_HIGH)} of {with_beit.name}")))
        numbers.append(similarity)
    rule = (
        "purity and k-NN accuracy of MAE's and BEiT's CLS token are above chance in their best layers, and the last-layer CLS "
        f"CKA of MAE with DINO and with MoCo-v3 is at least {percent(AS_HIGH)} of that with BEiT"
    )
    return decide(rule, parts, [*numbers, with_beit])


def cka_cls(evidence: Evidence) -> Verdict:
    """CLS tokens: MoCo-v3 and DINO most alike, FS and CLIP more than most."""
    pairs = _last_layer_pairs(evidence, METHODS, "cls")
    peers = {frozenset(family) for family in (EXPLICIT, CONTRASTIVE, RECONSTRUCTION)}
    across = mean("mean of pairs across kinds of supervision", [number for key, number in pairs.items() if key not in peers])
    most = frozenset(CONTRASTIVE)
    parts = [
        all_above([pairs[most]], [number for key, number in pairs.items() if key != most]),
        above(pairs[frozenset(EXPLICIT)], across),
    ]
    rule = (
        "of all pairs of the six methods MoCo-v3 and DINO have the highest CKA of their last CLS tokens, and that of FS with "
        "CLIP is above the mean of pairs across kinds of supervision"
    )
    return decide(rule, parts, [*pairs.values(), across])


def cka_spatial(evidence: Evidence) -> Verdict:
    """Spatial tokens: FS and CLIP apart; DINO, MAE, MoCo-v3 close, BEiT farther."""
    pairs = _last_layer_pairs(evidence, METHODS, "spatial")
    overall = mean("mean of all pairs", list(pairs.values()))
    close = (DINO, MAE, MOCO)
    parts = [
        above(overall, pairs[frozenset(EXPLICIT)]),
        all_above(
            [pairs[frozenset(pair)] for pair in combinations(close, 2)], [pairs[frozenset((method, BEIT))] for method in close]
        ),
    ]
    rule = (
        "the CKA of the last spatial tokens of FS with CLIP is below the mean of all pairs of the six methods, and every pair "
        "of DINO, MAE, MoCo-v3 is above every pair of these with BEiT"
    )
    return decide(rule, parts, [*pairs.values(), overall])


def cka_families(evidence: Evidence) -> Verdict:
    """Variants of a self-supervised method stay alike in their last spatial tokens; those of FS and CLIP not always."""
    lowest = []
    for methods in (SELF_SUPERVISED, EXPLICIT):
        pairs = [
            last_layer_cka(evidence, one, other, "spatial")
            for models in evidence.variants(*methods).values()
            for one, other in combinations(models, 2)
        ]
        if not pairs:
            raise CannotTestError(f"needs several variants of one of {', '.join(methods)}; this run has one of each")
        lowest.append(min(pairs, key=lambda number: number.value))
    rule = (
        "the least similar two variants of a self-supervised method have a higher CKA of their last spatial tokens than the "
        "least similar two variants of FS or of CLIP"
    )
    return decide(rule, [above(*lowest)], lowest)


def x_pattern(evidence: Evidence) -> Verdict:
    """Depth-wise CKA of MAE and BEiT forms an X."""
    ridges = {model.method: _ridge(evidence, model) for model in evidence.main(*METHODS)}
    parts = []
    for method, ridge in ridges.items():
        has_one = ridge.value >= RIDGE
        parts.append(Part(f"{ridge}{'' if has_one else ', no ridge'}", has_one == (method in RECONSTRUCTION)))
    rule = (
        "the CKA of mirrored layers of a model with itself exceeds that of the layer pairs beside them by at least "
        f"{RIDGE} in MAE and BEiT, and in no other method"
    )
    return decide(rule, parts, ridges.values())


def mae_decoder(evidence: Evidence) -> Verdict:
    """The X is stronger in larger MAE models."""
    models = evidence.trained(MAE)
    base = [model for model in models if model.size == "B"]
    large = [model for model in models if model.size in ("L", "H")]
    if not base or not large:
        raise CannotTestError("needs MAE in size B and in size L or H; this run has not both")
    large_ridges, base_ridges = ([_ridge(evidence, model) for model in group] for group in (large, base))
    rule = "the anti-diagonal of the depth-wise CKA stands out more in every MAE of size L or H than in MAE B"
    return decide(rule, [all_above(large_ridges, base_ridges)], base_ridges + large_ridges)


def residual(evidence: Evidence) -> Verdict:
    """The weight of the skip connection changes sharply past the middle of FS and CLIP."""
    changes = {model.method: _largest_late_change(evidence, model) for model in evidence.main(*METHODS)}
    limit = Number("the limit", SHARP)
    explicit = [changes[method] for method in EXPLICIT]
    parts = [above(change, limit) for change in explicit]
    parts.append(all_above(explicit, [changes[method] for method in SELF_SUPERVISED]))
    rule = (
        f"past the middle the ratio of skip to branch norm (attention or MLP) changes more than {SHARP} times from one layer "
        "to the next in FS and in CLIP, and more than in any self-supervised model"
    )
    return decide(rule, parts, changes.values())


def features_supervised(evidence: Evidence) -> Verdict:
    """Order of best purity: labels and captions, contrastive, reconstruction; for parts contrastive beats CLIP."""
    best = {
        (model.method, facet): _purity(evidence, model, facet).best(f"best {word} purity of {model.display_name}")
        for facet, word in (("cls", "image"), ("object", "object"), ("part", "part"))
        for model in evidence.main(*METHODS)
    }
    parts = []
    for facet in ("cls", "object"):
        groups = [[best[method, facet] for method in methods] for methods in (EXPLICIT, CONTRASTIVE, RECONSTRUCTION)]
        parts += [all_above(groups[0], groups[1]), all_above(groups[1], groups[2])]
    of_parts = {method: best[method, "part"] for method in METHODS}
    parts.append(all_above([of_parts[FS]], [number for method, number in of_parts.items() if method != FS]))
    parts.append(all_above([of_parts[method] for method in CONTRASTIVE], [of_parts[CLIP]]))
    rule = (
        "in its best layer the purity of images (CLS) and of objects is highest in FS and CLIP, then DINO and MoCo-v3, then "
        "MAE and BEiT, and that of parts is highest in FS, with DINO and MoCo-v3 above CLIP"
    )
    return decide(rule, parts, best.values())


def part_peak(evidence: Evidence) -> Verdict:
    """Object and part purity peak at layers 9 to 11, earlier in BEiT."""
    parts, numbers = [], []
    for facet in ("object", "part"):
        for model in evidence.main(*METHODS):
            layer = _purity(evidence, model, facet).best_layer
            window = layers_like(9, 11, model.layers)
            fits = layer < window.start if model.method == BEIT else layer in window
            parts.append(Part(f"{model.display_name} peaks in layer {layer} of {model.layers} ({facet})", fits))
            numbers.append(Number(f"layer of the best {facet} purity of {model.display_name}", layer, unit="count"))
    rule = "object and part purity peak within layers 9 to 11 of 12 in every method but BEiT, where they peak before"
    return decide(rule, parts, numbers)


def fs_spatial_early(evidence: Evidence) -> Verdict:
    """Pooled spatial tokens of FS gather the class earlier than its CLS token.

    Half of the best purity, as such, may lie below chance where classes are few: what counts is half of the way from chance.
    """
    (model,) = evidence.main(FS)
    half = {}
    for facet, word in (("mean_patch", "pooled spatial tokens"), ("cls", "CLS")):
        curve, chance = _purity(evidence, model, facet), evidence.chance(f"purity_{facet}").value
        layer = curve.first_reaching((chance + curve.values.max()) / 2)
        half[facet] = Number(f"first layer of {word} half way to the best purity", layer, unit="count")
    rule = (
        "FS's pooled spatial tokens have come half of the way from chance to their best purity in an earlier layer than its "
        "CLS token"
    )
    return decide(rule, [above(half["cls"], half["mean_patch"])], half.values())


def beit_l_parts(evidence: Evidence) -> Verdict:
    """BEiT L beats BEiT B in part purity."""
    pairs = [pair for pair in evidence.by_size(BEIT) if (pair[0].size, pair[1].size) == ("B", "L")]
    if not pairs:
        raise CannotTestError("needs BEiT in sizes B and L with one patch size; this run has not both")
    parts, numbers = [], []
    for base, large in pairs:
        low, high = (
            _purity(evidence, model, "part").best(f"best part purity of {model.display_name}") for model in (base, large)
        )
        parts.append(above(high, low.times(FAR_BETTER, f"{FAR_BETTER} times the {low.name}")))
        numbers += [low, high]
    return decide(f"the best part purity of BEiT L is more than {FAR_BETTER} times that of BEiT B", parts, numbers)


def _purity(evidence: Evidence, model: RunModel, facet: str) -> Curve:
    return evidence.score(model, f"purity_{facet}")


def _last_layer_pairs(evidence: Evidence, methods: tuple[str, ...], tokens: str) -> dict[frozenset[str], Number]:
    models = evidence.main(*methods)
    return {
        frozenset((one.method, other.method)): last_layer_cka(evidence, one, other, tokens)
        for one, other in combinations(models, 2)
    }


def _ridge(evidence: Evidence, model: RunModel) -> Number:
    return Number(f"anti-diagonal of {model.display_name}", ridge_contrast(depth_cka(evidence, model)), unit="CKA")


def _largest_late_change(evidence: Evidence, model: RunModel) -> Number:
    """Return the largest factor between neighbouring layers of which the second lies past the middle."""
    largest = 1.0
    for branch in ("attention", "mlp"):
        curve = evidence.score(model, f"ratio_{branch}_all")
        late = curve.between(late_layers(model.layers).start - 1, model.layers)
        largest = max(largest, float(np.exp(np.abs(np.diff(np.log(curve.values[late]))).max())))
    return Number(f"largest late change in {model.display_name}", largest, unit="times")
