"""Claims about concepts of patches (Kaltampanidis et al., sections 4.3 and 4.4)."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.tokens.claims.compared import Side, absent, distance, shared_categories, sides
from workflow_scripts.studies.tokens.decisions import CATEGORIES, HYPERPLANE, TOKENS
from workflow_scripts.studies.tokens.methods import DINO, MAE
from workflow_scripts.studies.verdict import CannotTestError, Number, Part, Verdict, above, all_above, decide

ANALYSIS = "segmentation"
FINE, COARSE = ("part", "material", "texture"), ("object", "scene")
SPLIT = (("part", "material"), ("object", "scene", "texture"))  # in which MAE has one best token each
# The paper says these in words; the numbers are ours.
COMPARABLE = 0.02  # the paper's two accuracies are equal
MUCH = 0.1  # "substantial": the paper's precision falls by 0.24, its recall rises by 0.27
CLEARLY = 0.05  # "evidently inferior": the paper's accuracies fall by 0.10 and more
HARDLY = 0.65  # "not significantly superior to a random classifier": the paper's best accuracies are 0.574 and 0.622
NOTABLE = 0.7  # "notable": the paper's lowest is 0.744


def seg_comparable(evidence: Evidence) -> Verdict:
    """Both models have about the same accuracy, DINO the higher F1; classification is easier."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    (_, ours), (_, theirs) = (side.best("accuracy", HYPERPLANE) for side in (dino, mae))
    scores = [side.best("f1", HYPERPLANE)[1] for side in (dino, mae)]
    gap = Number("difference of the best accuracies", abs(ours.value - theirs.value), unit="share")
    parts, numbers, left_out = [above(Number("the limit", COMPARABLE), gap), above(*scores)], [ours, theirs, *scores], ""
    try:
        (images,) = sides(evidence, "classification", DINO)
        _, classes = images.best("accuracy", HYPERPLANE)
        parts.append(all_above([classes], [ours, theirs]))
        numbers.append(classes)
    except CannotTestError:
        left_out = "classification"
    rule = (
        f"the best accuracies of DINO's and MAE's tokens are less than {COMPARABLE} apart and both below that of DINO in "
        "classification, and the best F1 is higher in DINO"
    )
    return decide(rule, parts, numbers, left_out)


def seg_one_token_dino(evidence: Evidence) -> Verdict:
    """One token of DINO is best in all categories; MAE's best tokens are two."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    there = shared_categories(dino, mae)
    if len(there) < 2:
        raise CannotTestError("needs concepts of two categories of Broden or more; this run has not")
    best = [{category: side.best("f1", HYPERPLANE, category) for category in there} for side in (dino, mae)]
    leading = {facet for facet, _ in best[0].values()}
    parts = [Part(f"best of {dino.model.display_name}: {_signs(best[0])}", len(leading) == 1)]
    groups = [{best[1][category][0] for category in group if category in there} for group in SPLIT]
    left_out = []
    if all(groups):
        split = all(len(group) == 1 for group in groups) and groups[0] != groups[1]
        parts.append(Part(f"best of {mae.model.display_name}: {_signs(best[1])}", split))
    else:
        left_out.append("MAE")
    lacking = absent(CATEGORIES, there)
    rule = (
        "the token of the highest F1 is one and the same in all categories in DINO, and in MAE one in part and material, "
        "another in object, scene and texture"
    )
    numbers = [number for of in best for _, number in of.values()]
    return decide(rule, parts, numbers, ", ".join(filter(None, (*left_out, lacking))))


def seg_categories(evidence: Evidence) -> Verdict:
    """DINO is better at parts, materials and textures than at objects and scenes."""
    (dino,) = sides(evidence, ANALYSIS, DINO)
    there = shared_categories(dino)
    fine, coarse = ([dino.best("f1", HYPERPLANE, one)[1] for one in group if one in there] for group in (FINE, COARSE))
    if not fine or not coarse:
        raise CannotTestError(f"needs concepts of {' or '.join(FINE)}, and of {' or '.join(COARSE)}; this run has not both")
    rule = "DINO's best F1 is higher in each of part, material and texture than in object and in scene"
    return decide(rule, [all_above(fine, coarse)], [*fine, *coarse], absent(CATEGORIES, there))


def seg_dino_over_mae(evidence: Evidence) -> Verdict:
    """DINO is above MAE in all categories but scene."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    there = shared_categories(dino, mae)
    if not there:
        raise CannotTestError("needs concepts of Broden's categories; this run has none")
    parts, numbers = [], []
    for category in there:
        pair = [side.best("f1", HYPERPLANE, category)[1] for side in (dino, mae)]
        parts.append(above(*(pair[::-1] if category == "scene" else pair)))
        numbers += pair
    rule = "the best F1 of DINO's tokens is above that of MAE's in object, part, material and texture, and below it in scene"
    return decide(rule, parts, numbers, absent(CATEGORIES, there))


def mae_decoder_token(evidence: Evidence) -> Verdict:
    """What MAE's decoder is fed with has less precision and more recall than what comes before it."""
    (mae,) = sides(evidence, ANALYSIS, MAE)
    (before, after), (less, more) = (
        [mae.number(metric, facet, HYPERPLANE) for facet in ("attention_output", "token")] for metric in ("precision", "recall")
    )
    fall = distance("precision of a less that of x", before, after)
    rise = distance("recall of x less that of a", more, less)
    limit = Number("the limit", MUCH)
    rule = f"the precision of MAE's x is below that of its a by more than {MUCH}, and its recall above it by more than {MUCH}"
    left_out = "whether x and a are the paper's tokens, whose signs are lost: they are inferred"
    return decide(rule, [above(fall, limit), above(rise, limit)], [before, after, less, more], left_out)


def seg_cosine_poor(evidence: Evidence) -> Verdict:
    """Cosines of patches are hardly above chance and far below hyperplanes; MAE is above DINO."""
    every = sides(evidence, ANALYSIS, DINO, MAE)
    parts, numbers = [], []
    for metric in ("accuracy", "f1"):
        cones = [side.best(metric, side.cosine)[1] for side in every]
        planes = [side.best(metric, HYPERPLANE)[1] for side in every]
        for plane, cone in zip(planes, cones, strict=True):
            parts.append(above(plane.minus(CLEARLY, f"{plane.name} less {CLEARLY}"), cone))
        parts.append(above(cones[1], cones[0]))
        if metric == "accuracy":
            parts.append(all_above([Number("the limit", HARDLY)], cones))
        numbers += [*planes, *cones]
    rule = (
        f"the best accuracy and the best F1 with cosines are more than {CLEARLY} below those with hyperplanes in DINO and in "
        f"MAE, these accuracies are below {HARDLY}, and MAE is above DINO in both"
    )
    return decide(rule, parts, numbers)


def seg_cosine_texture(evidence: Evidence) -> Verdict:
    """Cosines find textures alone."""
    every = sides(evidence, ANALYSIS, DINO, MAE)
    there = shared_categories(*every)
    others = [category for category in ("object", "part", "material") if category in there]
    if "texture" not in there or not others:
        raise CannotTestError("needs concepts of the category texture and of object, part or material; this run has not both")
    good = [number for metric in ("accuracy", "f1") for number in _each(every, metric, ["texture"])]
    low = _each(every, "accuracy", others)
    parts = [all_above(good, [Number("the limit", NOTABLE)]), all_above([Number("the limit", HARDLY)], low)]
    rule = (
        f"with cosines the best accuracy and the best F1 of textures are above {NOTABLE} in DINO and in MAE, and the best "
        f"accuracy of objects, parts and materials is below {HARDLY}"
    )
    lacking = absent(("object", "part", "material"), there)
    return decide(rule, parts, [*good, *low], ", ".join(filter(None, (lacking, "how far scenes work in part"))))


def _each(every: Sequence[Side], metric: str, categories: Sequence[str]) -> list[Number]:
    return [side.best(metric, side.cosine, category)[1] for side in every for category in categories]


def _signs(best: dict[str, tuple[str, Number]]) -> str:
    return ", ".join(f"{TOKENS[facet]} in {category}" for category, (facet, _) in best.items())
