"""The thesis' claims about attention (thesis sections 2.3 and 2.7.4; CVPR paper, section 3).

Layers are given for the study's 12; other depths are judged at the same relative depth.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.metrics.heads import LOCAL_REACH_SHARE, reach, uniform_aligned
from workflow_scripts.studies.evidence import Curve, Evidence, late_layers, layers_like, listed
from workflow_scripts.studies.thesis.attention import UNIT_SIDE
from workflow_scripts.studies.thesis.claims.methods import (
    BEIT,
    CLIP,
    CONTRASTIVE,
    DINO,
    EXPLICIT,
    MAE,
    METHODS,
    MOCO,
    RECONSTRUCTION,
    SELF_SUPERVISED,
    all_variants,
    attention_maps,
    heads,
)
from workflow_scripts.studies.thesis.claims.patterns import centredness, head_correlation, same_maximum_share
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Number,
    Part,
    Verdict,
    above,
    all_above,
    decide,
    percent,
)

# The study says these in words; the numbers are ours.
DROP = 0.9  # attention "drops" if it falls below 90 % of its own maximum
PLATEAU = 0.9  # a curve has reached its plateau where it first has 90 % of its maximum
COMPARABLE = 0.9  # "comparable": at least 90 % of the other
STRONG_GAIN = 1.1  # "gains strongly": at least 110 % of the layer before
SAME_POSITION = 0.5  # maxima "change with the image" if at most half of the images share one
OFFSET_COMPONENT = 0.5  # patches from which an offset counts along an axis: it rounds to a neighbour and not to the source
LARGE = ("L", "H", "g", "G")  # "larger models"


def sparse_patterns(evidence: Evidence) -> Verdict:
    """Explicit supervision: late heads repeat one another, off centre, and lose the object; the others do not."""
    explicit, others = evidence.main(*EXPLICIT), evidence.main(*SELF_SUPERVISED)
    correlation = {
        model.id: _late_map_score(evidence, model, head_correlation, "correlation of heads") for model in explicit + others
    }
    blob = {model.id: _late_map_score(evidence, model, centredness, "centred blob") for model in explicit + others}
    drops, numbers = _drops(evidence, explicit + others)
    parts = [
        all_above([correlation[m.id] for m in explicit], [correlation[m.id] for m in others]),
        all_above([blob[m.id] for m in others], [blob[m.id] for m in explicit]),
        *(drops[model.id] for model in explicit),
        *(Part(drops[m.id].found, not drops[m.id].fits, drops[m.id].close) for m in others),
    ]
    rule = (
        "past the middle the average CLS maps of a layer's heads correlate more with each other, and less with a centred "
        "blob, in FS and CLIP than in every self-supervised model, and only in FS and CLIP is the best head's mask IoU, mean "
        f"over these layers, below {percent(DROP)} of its maximum"
    )
    return decide(rule, parts, [*correlation.values(), *blob.values(), *numbers])


def sparse_vary(evidence: Evidence) -> Verdict:
    """The maxima of sparse repeating heads move with the image."""
    shares = []
    for model in evidence.main(*EXPLICIT):
        kinds = heads(evidence, model, "head_kind")
        sparse = kinds[(kinds["setting"] == "sparse_repeating") & kinds["layer"].isin(late_layers(model.layers))]
        if sparse.empty:
            raise CannotTestError(f"needs sparse repeating heads past the middle of {model.display_name}; it has none")
        maps = attention_maps(evidence, model).single_cls
        if len(maps) < 2:
            raise CannotTestError("needs the CLS attention of several images; this run kept fewer than two")
        share = same_maximum_share(maps)[sparse["layer"] - 1, sparse["head"] - 1]
        shares.append(Number(f"images with one maximum in {model.display_name}", float(share.mean()), unit="share"))
    limit = Number("the limit", SAME_POSITION)
    rule = (
        f"less than {percent(SAME_POSITION)} of the images kept have the maximum at a head's most frequent position, on "
        "average over the sparse repeating heads past the middle, in FS and in CLIP"
    )
    return decide(rule, [above(limit, share) for share in shares], shares)


def sparse_patch32(evidence: Evidence) -> Verdict:
    """Patch 32 keeps more of the object in late attention than patch 16."""
    pairs = [pair for pair in evidence.by_patch(*EXPLICIT) if (pair[0].patch, pair[1].patch) == ((16, 16), (32, 32))]
    if not pairs:
        raise CannotTestError("needs FS or CLIP models of one size with patch 16 and 32; this run has no such pair")
    scores = [tuple(_late_iou(evidence, model) for model in pair) for pair in pairs]
    rule = "past the middle the mean mask IoU of the best head is higher with patch 32 than with patch 16, pair by pair"
    return decide(rule, [above(coarse, fine) for fine, coarse in scores], [score for pair in scores for score in pair])


def offset_heads(evidence: Evidence) -> Verdict:
    """Every model has an offset local head."""
    counts = []
    for model in evidence.trained(*METHODS):
        n_offset = int((heads(evidence, model, "head_kind")["setting"] == "offset_local").sum())
        counts.append(Number(f"offset local heads of {model.display_name}", n_offset, unit="count"))
    rule = "every trained model has at least one offset local head, by the atlas' rules of head kinds"
    return decide(rule, [Part(str(count), count.value > 0) for count in counts], counts)


def offset_diagonal(evidence: Evidence) -> Verdict:
    """Some large model has a head with a diagonal offset."""
    large = [model for model in evidence.trained(*METHODS) if model.size in LARGE]
    if not large:
        raise CannotTestError("needs a model of size L or H; this run has none")
    counts = []
    for model in large:
        kinds = heads(evidence, model, "head_kind").set_index(["layer", "head"])["setting"]
        patch = 1 / max(*(side - 1 for side in model.grid), 1)
        far = [
            heads(evidence, model, metric).set_index(["layer", "head"])["value"].abs() >= OFFSET_COMPONENT * patch
            for metric in ("offset_x", "offset_y")
        ]
        n_diagonal = int(((kinds == "offset_local") & far[0] & far[1]).sum())
        counts.append(Number(f"diagonal offset heads of {model.display_name}", n_diagonal, unit="count"))
    found = "; ".join(map(str, counts))
    rule = (
        "at least one model of size L or H has an offset local head whose centre of attention lies at least "
        f"{OFFSET_COMPONENT} patches away along both axes"
    )
    return decide(rule, [Part(found, any(count.value > 0 for count in counts))], counts)


def offset_depth(evidence: Evidence) -> Verdict:
    """Offset heads stay in the first half except under reconstruction."""
    parts, numbers, without = [], [], []
    for methods, deep in ((EXPLICIT + CONTRASTIVE, False), (RECONSTRUCTION, True)):
        shallow_or_deep = []
        for model in evidence.trained(*methods):
            kinds = heads(evidence, model, "head_kind")
            layers = kinds.loc[kinds["setting"] == "offset_local", "layer"]
            if layers.empty:
                without.append(model)
                continue
            last = int(layers.max())
            numbers.append(Number(f"deepest layer with an offset head in {model.display_name}", last, unit="count"))
            found = f"{model.display_name} down to layer {last} of {model.layers}"
            shallow_or_deep.append(Part(found, (last > model.layers / 2) == deep))
        if not shallow_or_deep:
            raise CannotTestError(f"needs offset local heads in models trained by {' or '.join(methods)}; none has one here")
        parts += shallow_or_deep
    left_out = f"{listed(without)}, without any" if without else ""
    rule = (
        "the deepest offset local head lies in the first half of the layers for FS, CLIP, DINO, MoCo-v3, and past it for MAE "
        "and BEiT"
    )
    return decide(rule, parts, numbers, left_out)


def distance_order(evidence: Evidence) -> Verdict:
    """High, low, high again with labels, captions, contrast; low at the end with reconstruction."""
    parts, numbers, last = [], [], {}
    for model in evidence.main(*METHODS):
        curve, name = _distance(evidence, model), model.display_name
        first = curve.at(1, f"first layer of {name}")
        dip = curve.lowest(layers_like(3, 6, model.layers), f"lowest of {name} in layers 3 to 6 of 12")
        last[model.method] = curve.mean(layers_like(10, 12, model.layers), f"{name} in layers 10 to 12 of 12")
        parts.append(above(first, dip))
        if model.method not in RECONSTRUCTION:
            parts.append(above(last[model.method], dip))
        numbers += [first, dip, last[model.method]]
    parts.append(all_above([last[m] for m in EXPLICIT + CONTRASTIVE], [last[m] for m in RECONSTRUCTION]))
    rule = (
        "the mean attention distance of every model is lower somewhere in layers 3 to 6 of 12 than in its first, rises from "
        "there to layers 10 to 12 in FS, CLIP, DINO, MoCo-v3, and ends lower than in all of these in MAE and BEiT"
    )
    return decide(rule, parts, numbers)


def distance_family(evidence: Evidence) -> Verdict:
    """Distance curves of one method resemble each other more than those of other methods."""
    families = evidence.variants(*METHODS)
    models = evidence.trained(*METHODS)
    if not families or len({model.method for model in models}) < 2:
        raise CannotTestError("needs several variants of one method beside another method; this run has one of each")
    # Relative depth from the first block (0) to the last (1), so that curves of 12, 24 and 32 layers compare.
    depth = np.linspace(0, 1, 25)
    curves = {}
    for model in models:
        curve = _distance(evidence, model)
        curves[model.id] = np.interp(depth, (curve.layers - 1) / max(model.layers - 1, 1), curve.values)
    parts, numbers = [], []
    for method, own in families.items():
        others = [model for model in models if model.method != method]
        gap = {
            "within": [(a, b) for a, b in combinations(own, 2)],
            "to others from": [(a, b) for a in own for b in others],
        }
        within, between = (
            Number(
                f"gap {kind} {method}",
                float(np.mean([np.abs(curves[a.id] - curves[b.id]).mean() for a, b in pairs])),
                unit=UNIT_SIDE,
            )
            for kind, pairs in gap.items()
        )
        parts.append(above(between, within))
        numbers += [within, between]
    rule = (
        "the mean gap between the attention-distance curves (by relative depth) of a method's variants is smaller than their "
        "mean gap to the other methods, for every method with variants"
    )
    return decide(rule, parts, numbers)


def last_layer_global(evidence: Evidence) -> Verdict:
    """Only global heads in the last layer, except under reconstruction."""
    parts, numbers = [], []
    for model in evidence.main(*METHODS):
        distances = heads(evidence, model, "attention_distance")
        last = distances.loc[distances["layer"] == model.layers, "value"]
        limit = LOCAL_REACH_SHARE * float(reach(uniform_aligned(*model.grid))[2])
        name = f"most local head of the last layer of {model.display_name}"
        numbers.append(Number(name, float(last.min()), unit=UNIT_SIDE))
        only_global, mixed = last.min() > limit, last.min() <= limit < last.max()
        kind = "only global heads" if only_global else "a mix" if mixed else "only local heads"
        parts.append(Part(f"{model.display_name} has {kind}", bool(mixed if model.method in RECONSTRUCTION else only_global)))
    rule = (
        "in the last layer every head of FS, CLIP, DINO, MoCo-v3 is global, and MAE and BEiT have both kinds; global is an "
        f"attention distance above {percent(LOCAL_REACH_SHARE)} of that of uniform attention"
    )
    return decide(rule, parts, numbers)


def saliency_early(evidence: Evidence) -> Verdict:
    """Attention finds the foreground by the middle layers."""
    return _early_plateau(evidence, evidence.main(*METHODS), "every main model")


def saliency_early_20(evidence: Evidence) -> Verdict:
    """The same over all variants."""
    return _early_plateau(evidence, all_variants(evidence), "every variant of the six methods")


def saliency_drop(evidence: Evidence) -> Verdict:
    """Attention of explicitly supervised models leaves the object after the middle."""
    explicit, others = evidence.main(*EXPLICIT), evidence.main(*SELF_SUPERVISED)
    drops, numbers = _drops(evidence, explicit)
    late = [_late_iou(evidence, model) for model in others]
    parts = [*drops.values(), all_above(late, [_late_iou(evidence, model) for model in explicit])]
    rule = (
        f"past the middle the best head's mask IoU is on average below {percent(DROP)} of its maximum in FS and CLIP, and "
        "lower than in every self-supervised model"
    )
    return decide(rule, parts, [*numbers, *late])


def saliency_peers(evidence: Evidence) -> Verdict:
    """MoCo-v3, MAE, BEiT match DINO; spatial attention matches CLS; CLIP's last spatial layer gains."""
    best = {}
    for model in evidence.main(*METHODS):
        for source, word in (("cls", "CLS"), ("spatial", "spatial")):
            best[model.method, source] = _iou(evidence, model, source).best(f"best {word} IoU of {model.display_name}")
    parts = [_comparable(best[method, "cls"], best[DINO, "cls"]) for method in (MOCO, MAE, BEIT)]
    parts += [_comparable(best[method, "spatial"], best[method, "cls"]) for method in METHODS]
    clip = evidence.main(CLIP)[0]
    spatial, cls = (_iou(evidence, clip, source) for source in ("spatial", "cls"))
    last, end = spatial.at(clip.layers, "last spatial IoU of CLIP"), cls.at(clip.layers, "last CLS IoU of CLIP")
    before = spatial.at(clip.layers - 1, "spatial IoU of CLIP in the layer before")
    parts += [above(last, end), above(last, before.times(STRONG_GAIN, f"{STRONG_GAIN} times the {before.name}"))]
    rule = (
        f"the best mask IoU of MoCo-v3, MAE, BEiT is above {percent(COMPARABLE)} of DINO's, that of spatial attention above "
        f"{percent(COMPARABLE)} of CLS attention's in every model, and CLIP's last spatial IoU above its CLS IoU and above "
        f"{STRONG_GAIN} times the layer before"
    )
    return decide(rule, parts, [*best.values(), last, end, before])


def _distance(evidence: Evidence, model: RunModel) -> Curve:
    return evidence.score(model, "attention_distance")


def _iou(evidence: Evidence, model: RunModel, source: str = "cls") -> Curve:
    return evidence.score(model, f"mask_iou_{source}")


def _late_iou(evidence: Evidence, model: RunModel) -> Number:
    return _iou(evidence, model).mean(late_layers(model.layers), f"late IoU of {model.display_name}")


def _late_map_score(evidence: Evidence, model: RunModel, score: Callable[[np.ndarray], np.ndarray], what: str) -> Number:
    values = score(attention_maps(evidence, model).average_cls)[late_layers(model.layers).start - 1 :]
    if np.isnan(values).any():
        raise CannotTestError(f"needs several heads per layer; {model.display_name} has one")
    return Number(f"{what} of {model.display_name}", float(values.mean()), unit="correlation")


def _drops(evidence: Evidence, models: list[RunModel]) -> tuple[dict[str, Part], list[Number]]:
    """Return for each model whether its IoU drops past the middle, and the numbers compared."""
    parts, numbers = {}, []
    for model in models:
        best, late = _iou(evidence, model).best(f"best IoU of {model.display_name}"), _late_iou(evidence, model)
        parts[model.id] = above(best.times(DROP, f"{percent(DROP)} of the {best.name}"), late)
        numbers += [best, late]
    return parts, numbers


def _comparable(number: Number, other: Number) -> Part:
    return above(number, other.times(COMPARABLE, f"{percent(COMPARABLE)} of the {other.name}"))


def _early_plateau(evidence: Evidence, models: list[RunModel], which: str) -> Verdict:
    parts, numbers = [], []
    for model in models:
        curve = _iou(evidence, model)
        layer = curve.first_reaching(PLATEAU * curve.values.max())
        parts.append(Part(f"{model.display_name} in layer {layer} of {model.layers}", layer <= model.layers / 2))
        numbers.append(Number(f"first layer on the plateau of {model.display_name}", layer, unit="count"))
    rule = f"the best head's mask IoU reaches {percent(PLATEAU)} of its maximum in the first half of the layers, in {which}"
    return decide(rule, parts, numbers)
