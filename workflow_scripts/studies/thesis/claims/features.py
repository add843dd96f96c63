"""The thesis' claims about features: similarity, residual connections, clustering (thesis sections 2.4 and 2.7.5).

Layers are given for the study's 12; other depths are judged at the same relative depth.
"""

from __future__ import annotations

import math
from itertools import combinations, pairwise

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
from workflow_scripts.studies.thesis.claims.patterns import ridge_contrasts
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Number,
    Part,
    Verdict,
    above,
    all_above,
    all_clearly_above,
    clearly_above,
    decide,
    mean,
    median,
    percent,
)

# The study says these in words; the numbers are ours.
AS_HIGH = 0.9  # "as high as": at least 90 % of the other
RIDGE = 0.02  # CKA by which the anti-diagonal of an X stands out from the places beside it
SHARP = 1.5  # a ratio "changes sharply" if it grows or shrinks 1.5 times from one layer to the next
STANDS_OUT = 2.0  # the largest late change is "the largest" if its logarithm is twice that of every early one
FAR_BETTER = 1.1  # "far better": at least 110 % of the other


def recon_cls(evidence: Evidence) -> Verdict:
    """CLS tokens without an objective still carry the class, and MAE's resemble the contrastive ones."""
    parts, numbers = [], []
    for what, key in (("purity", "purity_cls"), ("k-NN", "knn")):
        numbers.append(evidence.chance(key).named(f"chance {what}"))
        for model in evidence.main(*RECONSTRUCTION):
            parts.append(evidence.above_noise(model, key))
            numbers.append(evidence.score(model, key).best(f"best CLS {what} of {model.display_name}"))
    mae, dino, moco, beit = evidence.main(MAE, DINO, MOCO, BEIT)
    with_beit = last_layer_cka(evidence, mae, beit, "cls")
    for other in (dino, moco):
        similarity = last_layer_cka(evidence, mae, other, "cls")
        parts.append(clearly_above(similarity, Number("none at all", 0.0)))
        parts.append(above(similarity, with_beit.times(AS_HIGH, f"{percent(AS_HIGH)} of {with_beit.name}")))
        numbers.append(similarity)
    rule = (
        "purity and k-NN accuracy of MAE's and BEiT's CLS token are, in most layers, clearly above those of every layer of "
        "noise features, and the last-layer CLS CKA of MAE with DINO and with MoCo-v3 is clearly above 0 and at least "
        f"{percent(AS_HIGH)} of that with BEiT"
    )
    return decide(rule, parts, [*numbers, with_beit])


def cka_cls(evidence: Evidence) -> Verdict:
    """CLS tokens: MoCo-v3 and DINO most alike, FS and CLIP, MAE and BEiT more than pairs between families."""
    pairs = _last_layer_pairs(evidence, METHODS, "cls")
    families = [frozenset(family) for family in (EXPLICIT, CONTRASTIVE, RECONSTRUCTION)]
    between = median("median of pairs between families", [number for key, number in pairs.items() if key not in families])
    most = frozenset(CONTRASTIVE)
    parts = [
        all_clearly_above([pairs[most]], [number for key, number in pairs.items() if key != most]),
        *(clearly_above(pairs[frozenset(family)], between) for family in (EXPLICIT, RECONSTRUCTION)),
    ]
    rule = (
        "of all pairs of the six methods MoCo-v3 and DINO have clearly the highest CKA of their last CLS tokens, and those of "
        "FS with CLIP and of MAE with BEiT are clearly above the median of the pairs between families (FS and CLIP, DINO and "
        "MoCo-v3, MAE and BEiT)"
    )
    return decide(rule, parts, [*pairs.values(), between])


def cka_spatial(evidence: Evidence) -> Verdict:
    """Spatial tokens: FS and CLIP apart; DINO, MAE, MoCo-v3 close, BEiT farther."""
    pairs = _last_layer_pairs(evidence, METHODS, "spatial")
    overall = mean("mean of all pairs", list(pairs.values()))
    close = (DINO, MAE, MOCO)
    parts = [
        clearly_above(overall, pairs[frozenset(EXPLICIT)]),
        all_clearly_above(
            [pairs[frozenset(pair)] for pair in combinations(close, 2)], [pairs[frozenset((method, BEIT))] for method in close]
        ),
    ]
    rule = (
        "the CKA of the last spatial tokens of FS with CLIP is clearly below the mean of all pairs of the six methods, and "
        "every pair of DINO, MAE, MoCo-v3 is clearly above every pair of these with BEiT"
    )
    return decide(rule, parts, [*pairs.values(), overall])


def cka_families(evidence: Evidence) -> Verdict:
    """Variants of a self-supervised method stay alike in their last spatial tokens; those of FS and of CLIP vary."""
    families = evidence.variants(*METHODS)
    if not set(SELF_SUPERVISED) & set(families) or not set(EXPLICIT) & set(families):
        raise CannotTestError("needs several variants of a self-supervised method and of FS or CLIP; this run has not")
    within = {
        method: [last_layer_cka(evidence, one, other, "spatial") for one, other in combinations(models, 2)]
        for method, models in families.items()
    }
    between = median(
        "median between methods",
        [
            last_layer_cka(evidence, one, other, "spatial")
            for one, other in combinations(evidence.trained(*METHODS), 2)
            if one.method != other.method
        ],
    )
    alike = [median(f"median within {method}", within[method]) for method in SELF_SUPERVISED if method in within]
    ranges = {method: _range(f"range within {method}", numbers) for method, numbers in within.items()}
    parts = [clearly_above(own, between) for own in alike]
    parts += [
        all_above([ranges[explicit]], [ranges[method] for method in SELF_SUPERVISED if method in ranges])
        for explicit in EXPLICIT
        if explicit in ranges
    ]
    rule = (
        "the median CKA of the last spatial tokens of two variants of DINO, MoCo-v3, MAE, BEiT each is clearly above the "
        "median of two models of different methods, and the range within FS and within CLIP is larger than within each of those"
    )
    left = [method for method in METHODS if method not in families]
    left_out = f"{', '.join(left)}, of which this run has no two variants" if left else ""
    return decide(rule, parts, [*alike, between, *ranges.values()], left_out)


def x_pattern(evidence: Evidence) -> Verdict:
    """Depth-wise CKA of MAE and BEiT forms an X."""
    ridges = {model.method: _ridge(evidence, model) for model in evidence.main(*METHODS)}
    parts = []
    for method, ridge in ridges.items():
        has_one = _has_ridge(ridge)
        parts.append(Part(f"{ridge}{'' if has_one else ', no ridge'}", has_one == (method in RECONSTRUCTION)))
    rule = (
        "the CKA of mirrored layers of a model with itself exceeds that of the layer pairs beside them by at least "
        f"{RIDGE}, and by more than twice the standard error over these places, in MAE and BEiT, and in no other method"
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
    parts = [Part(f"{ridge}{'' if _has_ridge(ridge) else ', no ridge'}", _has_ridge(ridge)) for ridge in large_ridges]
    parts.append(all_clearly_above(large_ridges, base_ridges))
    rule = (
        "the depth-wise CKA of every MAE of size L or H has an anti-diagonal that stands out (by at least "
        f"{RIDGE} and more than twice its standard error), clearly more than that of MAE B"
    )
    return decide(rule, parts, base_ridges + large_ridges)


def residual(evidence: Evidence) -> Verdict:
    """The weight of the skip connection changes most, and sharply, past the middle of FS and of CLIP."""
    parts, numbers = [], []
    limit = Number("the limit", SHARP)
    for model in evidence.main(*EXPLICIT):
        late, early = _largest_changes(evidence, model)
        # A share of the logarithm: the later change is the larger one by a margin.
        least = Number(f"{early.name}, {STANDS_OUT} times as strong", early.value**STANDS_OUT, unit="times")
        parts += [above(late, limit), above(late, least)]
        numbers += [late, early]
    rule = (
        "the largest change of the ratio of skip to branch norm (attention or MLP) from one layer to the next lies past the "
        f"middle in FS and in CLIP, is clear, larger than {SHARP} times, and in its logarithm more than {STANDS_OUT} times "
        "as large as every change before"
    )
    return decide(rule, parts, numbers)


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
        parts += [above(_highest(groups[0]), _highest(groups[1])), all_above(groups[1], groups[2])]
    of_parts = {method: best[method, "part"] for method in METHODS}
    parts.append(all_above([of_parts[FS]], [number for method, number in of_parts.items() if method != FS]))
    parts.append(all_above([of_parts[method] for method in CONTRASTIVE], [of_parts[CLIP]]))
    rule = (
        "in its best layer the purity of images (CLS) and of objects is higher in the better one of FS and CLIP than in DINO "
        "and MoCo-v3, higher in both of these than in MAE and BEiT, and that of parts is highest in FS, with DINO and MoCo-v3 "
        "above CLIP"
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
    for facet in ("mean_patch", "cls"):
        curve, chance = _purity(evidence, model, facet), evidence.chance(f"purity_{facet}").value
        way = (chance + curve.values.max()) / 2
        # For good: a curve of noise passes any line early, and falls below it again.
        half[facet] = curve.first_reaching(way) if facet == "cls" else curve.from_which_at_least(way)
    cls = Number("first layer of CLS half way to the best purity", half["cls"], unit="count")
    pooled = Number("layer of pooled spatial tokens half way to the best purity for good", half["mean_patch"], unit="count")
    rule = (
        "FS's pooled spatial tokens have come half of the way from chance to their best purity, and do not fall behind it "
        "again, in an earlier layer than its CLS token first does"
    )
    return decide(rule, [above(cls, pooled)], [pooled, cls])


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
        parts += [
            evidence.above_noise(large, "purity_part"),
            clearly_above(high, low.times(FAR_BETTER, f"{FAR_BETTER} times the {low.name}")),
        ]
        numbers += [low, high]
    rule = (
        f"the best part purity of BEiT L is clearly more than {FAR_BETTER} times that of BEiT B, and most of its layers are "
        "clearly above every layer of noise features"
    )
    return decide(rule, parts, numbers)


def _purity(evidence: Evidence, model: RunModel, facet: str) -> Curve:
    return evidence.score(model, f"purity_{facet}")


def _last_layer_pairs(evidence: Evidence, methods: tuple[str, ...], tokens: str) -> dict[frozenset[str], Number]:
    models = evidence.main(*methods)
    return {
        frozenset((one.method, other.method)): last_layer_cka(evidence, one, other, tokens)
        for one, other in combinations(models, 2)
    }


def _highest(numbers: list[Number]) -> Number:
    return max(numbers, key=lambda number: number.value)


def _range(name: str, numbers: list[Number]) -> Number:
    values = [number.value for number in numbers]
    return Number(name, max(values) - min(values), unit="CKA")


def _ridge(evidence: Evidence, model: RunModel) -> Number:
    """Return the mean contrast of the anti-diagonal, its interval two standard errors over the places compared."""
    contrasts = ridge_contrasts(depth_cka(evidence, model))
    value = float(contrasts.mean())
    error = 2 * float(contrasts.std(ddof=1)) / len(contrasts) ** 0.5 if len(contrasts) > 1 else math.nan
    return Number(f"anti-diagonal of {model.display_name}", value, value - error, value + error, unit="CKA")


def _has_ridge(ridge: Number) -> bool:
    return ridge.value >= RIDGE and not ridge.ci_low <= 0


def _largest_changes(evidence: Evidence, model: RunModel) -> tuple[Number, Number]:
    """Return the largest factors between neighbouring layers: past the middle (clear ones, by the second layer), and before."""
    largest = {True: 1.0, False: 1.0}
    for branch in ("attention", "mlp"):
        curve = evidence.score(model, f"ratio_{branch}_all")
        for one, other in pairwise(map(int, curve.layers)):
            late = other in late_layers(model.layers)
            low, high = sorted((curve.at(one), curve.at(other)), key=lambda number: number.value)
            if not late or clearly_above(high, low).fits:
                largest[late] = max(largest[late], high.value / low.value)
    late, early = (
        Number(f"largest {when} change in {model.display_name}", largest[past], unit="times")
        for when, past in (("late", True), ("early", False))
    )
    return late, early
