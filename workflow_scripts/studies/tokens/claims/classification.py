"""Claims about classes of images by their CLS tokens (Kaltampanidis et al., sections 4.1 and 4.2)."""

from __future__ import annotations

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.tokens.claims.compared import distance, sides
from workflow_scripts.studies.tokens.decisions import FIVE, HYPERPLANE, TOKENS
from workflow_scripts.studies.tokens.methods import DINO, MAE
from workflow_scripts.studies.verdict import Number, Part, Verdict, above, all_above, decide

ANALYSIS = "classification"
# The paper says these in words; the numbers are ours.
CHANCE, NEAR = 0.5, 0.05  # "approximately 0.5": within 0.05 of it
EXCELLENT = 0.9  # the paper's best accuracy is 0.946
MOST = 0.5  # "most": more than half
PERFECT = 0.95  # "near-perfect precision": the paper's lowest is 0.959
DIFFER = 0.2  # "tokens differ in recall": the paper's go from 0.43 to 0.89
STRONGLY = 0.1  # "raises strongly": the paper's accuracy rises by 0.23
CLOSE = 0.02  # "close to the best token": the paper's are 0.006 apart
MUCH = 0.2  # "much better": the paper's accuracy rises from about 0.5 to 0.81
HIGH = 0.9  # "high": precision of all tokens of DINO, recall of one of MAE, which is 0.929


def cls_hyperplane_mae_random(evidence: Evidence) -> Verdict:
    """MAE's CLS tokens are at chance with hyperplanes, DINO's are not."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    numbers = mae.each("accuracy", HYPERPLANE)
    near = [abs(number.value - CHANCE) <= NEAR for number in numbers]
    _, best = dino.best("accuracy", HYPERPLANE)
    parts = [
        Part(f"{sum(near)} of {len(near)} tokens of {mae.model.display_name} at chance", sum(near) > MOST * len(near)),
        above(best, Number("the limit", EXCELLENT)),
    ]
    rule = (
        f"the accuracy of more than half of MAE's tokens is within {NEAR} of {CHANCE}, and that of DINO's best token above "
        f"{EXCELLENT}"
    )
    return decide(rule, parts, [*numbers, best])


def cls_precision_recall(evidence: Evidence) -> Verdict:
    """All of DINO's tokens are precise, and differ in recall."""
    (dino,) = sides(evidence, ANALYSIS, DINO)
    precise, recalls = dino.each("precision", HYPERPLANE), dino.each("recall", HYPERPLANE)
    values = [number.value for number in recalls]
    spread = Number(f"highest less lowest recall of {dino.model.display_name}", max(values) - min(values), unit="share")
    parts = [all_above(precise, [Number("the limit", PERFECT)]), above(spread, Number("the limit", DIFFER))]
    rule = (
        f"the precision of each of DINO's five tokens is above {PERFECT}, and their highest recall more than {DIFFER} above "
        "the lowest"
    )
    return decide(rule, parts, [*precise, *recalls, spread])


def ln_helps(evidence: Evidence) -> Verdict:
    """The final norm raises all metrics of DINO's feed-forward output."""
    (dino,) = sides(evidence, ANALYSIS, DINO)
    parts, numbers = [], []
    for metric in ("accuracy", "precision", "recall", "f1"):
        before, after = (dino.number(metric, facet, HYPERPLANE) for facet in ("token", "token_normed"))
        least = 0 if metric == "precision" else STRONGLY  # precision is near 1 before, too
        gain = distance(f"gain of {metric} by the norm", after, before)
        parts.append(above(gain, Number("the limit", least)))
        numbers += [before, after]
    _, best = dino.best("accuracy", HYPERPLANE)
    short = distance("accuracy of the best token less that of LN(x)", best, dino.number("accuracy", "token_normed", HYPERPLANE))
    parts.append(above(Number("the limit", CLOSE), short))
    rule = (
        f"accuracy, recall and F1 of DINO's LN(x) are above those of x by more than {STRONGLY}, its precision is above that of "
        f"x, and its accuracy less than {CLOSE} below that of the best of the five tokens"
    )
    return decide(rule, parts, [*numbers, best], "whether x is the paper's token, whose sign is lost: it is inferred")


def cls_cosine(evidence: Evidence) -> Verdict:
    """With cosines DINO is above MAE, and MAE far above itself with hyperplanes."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    _, ours = dino.best("accuracy", dino.cosine)
    facet, theirs = mae.best("accuracy", mae.cosine)
    plane = mae.number("accuracy", facet, HYPERPLANE)
    gain = distance(f"cosine less hyperplane accuracy of {mae.model.display_name}, {TOKENS[facet]}", theirs, plane)
    rule = (
        "with cosines the best accuracy of DINO's tokens is above that of MAE's, and that of MAE's best token more than "
        f"{MUCH} above its own with hyperplanes"
    )
    return decide(rule, [above(ours, theirs), above(gain, Number("the limit", MUCH))], [ours, theirs, plane, gain])


def cls_cosine_recall(evidence: Evidence) -> Verdict:
    """With cosines all of DINO's tokens are precise, and one of MAE's has a high recall."""
    dino, mae = sides(evidence, ANALYSIS, DINO, MAE)
    precise = dino.each("precision", dino.cosine)
    _, recall = mae.best("recall", mae.cosine)
    limit = Number("the limit", HIGH)
    recalls = [dino.number("recall", token, dino.cosine) for token in FIVE]
    rule = f"with cosines the precision of each of DINO's tokens is above {HIGH}, and so is the highest recall of MAE's"
    left_out = "which two of DINO's tokens have the lowest recall: their signs are lost"
    return decide(rule, [all_above(precise, [limit]), above(recall, limit)], [*precise, *recalls, recall], left_out)
