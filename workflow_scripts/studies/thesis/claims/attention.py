"""The thesis' claims about attention (thesis sections 2.3 and 2.7.4; CVPR paper, section 3).

Layers are given for the study's 12; other depths are judged at the same relative depth.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.metrics.heads import LOCAL_REACH_SHARE, SPARSE_TOP_SHARE, reach, uniform_aligned
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
    noise_iou,
)
from workflow_scripts.studies.thesis.claims.patterns import centredness, head_correlation, same_maximum_share, top_share
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
    percent,
)

# The study says these in words; the numbers are ours.
MORE = 0.1  # maps are "more" alike, or more centred, if their correlation is higher by as much
DROP = 0.9  # attention "drops" if it falls below 90 % of its own maximum
PLATEAU = 0.95  # of its maximum above noise: where a curve first has that much, it has reached its plateau (the study's test)
COMPARABLE = 0.9  # "comparable": at least 90 % of the other
STRONG_GAIN = 1.1  # "gains strongly": at least 110 % of the layer before
SAME_POSITION = 0.5  # maxima "change with the image" if at most half of the images share one
CLOSER = 1.2  # curves of one method are "closer" if the gap to other methods is at least 1.2 times the gap among them
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
        all_above(
            [correlation[m.id].minus(MORE, f"{correlation[m.id].name} less {MORE}") for m in explicit],
            [correlation[m.id] for m in others],
        ),
        all_above([blob[m.id].minus(MORE, f"{blob[m.id].name} less {MORE}") for m in others], [blob[m.id] for m in explicit]),
        *(drops[model.id] for model in explicit),
        *(Part(drops[m.id].found, not drops[m.id].fits, drops[m.id].close) for m in others),
    ]
    rule = (
        "past the middle the average CLS maps of a layer's heads correlate more with each other, and less with a centred "
        f"blob, in FS and CLIP than in every self-supervised model, by more than {MORE}, and only in FS and CLIP does the best "
        "head's mask IoU drop: "
        f"its maximum lies before these layers, and their mean below {percent(DROP)} of it"
    )
    return decide(rule, parts, [*correlation.values(), *blob.values(), *numbers])


def sparse_vary(evidence: Evidence) -> Verdict:
    """The maxima of sparse repeating heads move with the image."""
    shares, bright = [], []
    for model in evidence.main(*EXPLICIT):
        kinds = heads(evidence, model, "head_kind")
        sparse = kinds[(kinds["setting"] == "sparse_repeating") & kinds["layer"].isin(late_layers(model.layers))]
        if sparse.empty:
            raise CannotTestError(f"needs sparse repeating heads past the middle of {model.display_name}; it has none")
        maps = attention_maps(evidence, model).single_cls
        if len(maps) < 2:
            raise CannotTestError("needs the CLS attention of several images; this run kept fewer than two")
        for found, measure, what in (
            (shares, same_maximum_share(maps), "images with one maximum"),
            (bright, top_share(maps).mean(0), "share of the brightest tenth"),
        ):
            value = float(measure[sparse["layer"] - 1, sparse["head"] - 1].mean())
            found.append(Number(f"{what} in {model.display_name}", value, unit="share"))
    limit, half = Number("the limit", SAME_POSITION), Number("half", SPARSE_TOP_SHARE)
    rule = (
        "in the sparse repeating heads past the middle of FS and of CLIP the brightest tenth of the patches has more than "
        f"{percent(SPARSE_TOP_SHARE)} of an image's CLS attention, and less than {percent(SAME_POSITION)} of the images kept "
        "have their maximum at a head's most frequent position, on average over these heads"
    )
    parts = [*(above(share, half) for share in bright), *(above(limit, share) for share in shares)]
    return decide(rule, parts, [*bright, *shares])


def sparse_patch32(evidence: Evidence) -> Verdict:
    """Patch 32 keeps more of the object in late attention than patch 16, each beside noise on its own grid."""
    pairs = [pair for pair in evidence.by_patch(*EXPLICIT) if (pair[0].patch, pair[1].patch) == ((16, 16), (32, 32))]
    if not pairs:
        raise CannotTestError("needs FS or CLIP models of one size with patch 16 and 32; this run has no such pair")
    parts, numbers = [], []
    for fine, coarse in pairs:
        late, noise = _late_iou(evidence, coarse), noise_iou(evidence, coarse)
        more, less = (
            _late_iou(evidence, model).minus(level.value, f"late IoU of {model.display_name} above noise")
            for model, level in ((coarse, noise), (fine, noise_iou(evidence, fine)))
        )
        parts += [clearly_above(late, noise), clearly_above(more, less)]
        numbers += [late, noise, more, less]
    rule = (
        "past the middle the mean mask IoU of the best head at patch 32 is clearly above that of noise attention on the same "
        "grid, and by more than at patch 16, pair by pair"
    )
    return decide(rule, parts, numbers)


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
        far = [
            heads(evidence, model, metric).set_index(["layer", "head"])["value"].abs() > 0
            for metric in ("peak_offset_x", "peak_offset_y")
        ]
        n_diagonal = int(((kinds == "offset_local") & far[0] & far[1]).sum())
        counts.append(Number(f"diagonal offset heads of {model.display_name}", n_diagonal, unit="count"))
    found = "; ".join(map(str, counts))
    rule = (
        "at least one model of size L or H has an offset local head whose maximum lies off the attending token along both axes"
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
        parts.append(clearly_above(first, dip))
        if model.method not in RECONSTRUCTION:
            parts.append(clearly_above(last[model.method], dip))
        numbers += [first, dip, last[model.method]]
    parts.append(all_clearly_above([last[m] for m in EXPLICIT + CONTRASTIVE], [last[m] for m in RECONSTRUCTION]))
    rule = (
        "the mean attention distance of every model is clearly lower somewhere in layers 3 to 6 of 12 than in its "
        "first, clearly rises from there to layers 10 to 12 in FS, CLIP, DINO, MoCo-v3, and ends clearly lower than in all of "
        "these in MAE and BEiT"
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
        parts.append(above(between, within.times(CLOSER, f"{CLOSER} times the {within.name}")))
        numbers += [within, between]
    rule = (
        "the mean gap between the attention-distance curves (by relative depth) of a method's variants and the other methods "
        f"is more than {CLOSER} times the gap among these variants, for every method with variants"
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
    parts = [*drops.values(), all_clearly_above(late, [_late_iou(evidence, model) for model in explicit])]
    rule = (
        "the best head's mask IoU of FS and of CLIP has its maximum before the layers past the middle, and is in these on "
        f"average below {percent(DROP)} of it and clearly lower than in every self-supervised model"
    )
    return decide(rule, parts, [*numbers, *late])


def saliency_peers(evidence: Evidence) -> Verdict:
    """MoCo-v3, MAE, BEiT match DINO; spatial attention matches CLS; CLIP's last spatial layer gains."""
    best, parts, noise = {}, [], []
    for model in evidence.main(*METHODS):
        for source, word in (("cls", "CLS"), ("spatial", "spatial")):
            found = _iou(evidence, model, source).best(f"best {word} IoU of {model.display_name}")
            noise.append(noise_iou(evidence, model, source))
            parts.append(clearly_above(found, noise[-1]))
            best[model.method, source] = found
    parts += [_comparable(best[method, "cls"], best[DINO, "cls"]) for method in (MOCO, MAE, BEIT)]
    parts += [_comparable(best[method, "spatial"], best[method, "cls"]) for method in METHODS]
    clip = evidence.main(CLIP)[0]
    spatial, cls = (_iou(evidence, clip, source) for source in ("spatial", "cls"))
    last, end = spatial.at(clip.layers, "last spatial IoU of CLIP"), cls.at(clip.layers, "last CLS IoU of CLIP")
    before = spatial.at(clip.layers - 1, "spatial IoU of CLIP in the layer before")
    parts += [clearly_above(last, end), above(last, before.times(STRONG_GAIN, f"{STRONG_GAIN} times the {before.name}"))]
    rule = (
        "the best mask IoU, of CLS and of spatial attention, is clearly above that of noise on the same grid in every model, "
        f"that of MoCo-v3, MAE, BEiT above {percent(COMPARABLE)} of DINO's, that of spatial attention above "
        f"{percent(COMPARABLE)} of CLS attention's in every model, and CLIP's last spatial IoU clearly above its CLS IoU and "
        f"above {STRONG_GAIN} times the layer before"
    )
    return decide(rule, parts, [*best.values(), *noise, last, end, before])


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
        curve = _iou(evidence, model)
        best, late = curve.best(f"best IoU of {model.display_name}"), _late_iou(evidence, model)
        part = above(best.times(DROP, f"{percent(DROP)} of the {best.name}"), late)
        if curve.best_layer in late_layers(model.layers):
            part = Part(f"{best} in layer {curve.best_layer} of {model.layers}", False)
        parts[model.id] = part
        numbers += [best, late]
    return parts, numbers


def _comparable(number: Number, other: Number) -> Part:
    return above(number, other.times(COMPARABLE, f"{percent(COMPARABLE)} of the {other.name}"))


def _early_plateau(evidence: Evidence, models: list[RunModel], which: str) -> Verdict:
    parts, numbers = [], []
    for model in models:
        curve, noise = _iou(evidence, model), noise_iou(evidence, model)
        best = curve.best(f"best IoU of {model.display_name}")
        parts.append(clearly_above(best, noise))
        numbers += [best, noise]
        if best.value > noise.value:
            layer = curve.minus(noise.value).first_reaching(PLATEAU * (best.value - noise.value))
            window = layers_like(3, 6, model.layers)
            parts.append(Part(f"{model.display_name} in layer {layer} of {model.layers}", layer in window))
            numbers.append(Number(f"first layer on the plateau of {model.display_name}", layer, unit="count"))
    rule = (
        "the best head's mask IoU is clearly above that of noise attention on the same grid in its best layer, and what it has "
        f"above noise first reaches {percent(PLATEAU)} of its maximum in layers 3 to 6 of 12, in {which}"
    )
    return decide(rule, parts, numbers)
