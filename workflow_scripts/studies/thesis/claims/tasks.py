"""The thesis' claims about downstream tasks (thesis sections 2.5, 2.7.3 and 2.7.6), and about size over features and tasks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence, late_layers
from workflow_scripts.studies.thesis.claims.methods import METHODS, RECONSTRUCTION, all_variants
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Number,
    Part,
    Verdict,
    above,
    all_clearly_above,
    apart,
    clearly_above,
    decide,
    mean,
)

TASKS = ("knn", "retrieval", "video", "keypoints")  # scores
NAMES = {"knn": "k-NN", "retrieval": "retrieval", "video": "video", "keypoints": "keypoints"}
LOCALIZED = ("video", "keypoints")
MOST = 0.5  # "most": more than half

# What "better with size" is counted over: the purities that the study shows for all variants, and the four tasks.
_PURITIES = ("purity_cls", "purity_object", "purity_part")


def local_best_layer(evidence: Evidence) -> Verdict:
    """Localized tasks peak in mid-to-late layers, before the last."""
    models = evidence.main(*METHODS)
    parts, numbers = [], []
    for task in LOCALIZED:
        n_before, n_clear = 0, 0
        for model in models:
            curve = evidence.score(model, task)
            numbers.append(Number(f"best layer of {model.display_name} for {NAMES[task]}", curve.best_layer, unit="count"))
            if curve.best_layer in late_layers(model.layers)[:-1] and evidence.above_noise(model, task).fits:
                n_before += 1
                n_clear += clearly_above(curve.best(), curve.at(model.layers)).fits
        found = f"{n_before} of {len(models)} for {NAMES[task]}, {n_clear} of them clearly"
        parts.append(Part(found, n_before > MOST * len(models) and n_clear >= MOST * n_before))
    rule = (
        "more than half of the main models are best in a layer past the middle and before the last, half of these clearly "
        "above the last, and are in most layers clearly above every layer of noise features, for video and for keypoints"
    )
    return decide(rule, parts, numbers)


def no_single_best(evidence: Evidence) -> Verdict:
    """Neither a method nor a layer wins every task."""
    return _no_winner(evidence, evidence.main(*METHODS), "main models", clearly_above)


def no_single_best_20(evidence: Evidence) -> Verdict:
    """The same over all variants."""
    # The best and the lowest of so many lie far apart by chance.
    return _no_winner(evidence, all_variants(evidence), "variants of the six methods", apart)


def size_helps(evidence: Evidence) -> Verdict:
    """In most methods the larger of two variants usually scores higher, each method counting once."""
    pairs, numbers, shares, better = evidence.by_size(*METHODS), [], [], []
    for method in METHODS:
        compared = [(small, large, task) for small, large in pairs if small.method == method for task in (*_PURITIES, *TASKS)]
        wins, clear, count = 0, 0, 0
        for small, large, task in compared:
            try:
                low, high = _best(evidence, small, task), _best(evidence, large, task)
                above_noise = evidence.above_noise(large, task).fits
            except CannotTestError:
                continue
            count += 1
            wins += above(high, low).fits and above_noise
            clear += clearly_above(high, low).fits - clearly_above(low, high).fits
            numbers += [low, high]
        if count:
            shares.append(Part(f"{method} in {wins} of {count}", wins > MOST * count and clear > 0))
            better.append(shares[-1].fits)
    if not shares:
        raise CannotTestError("needs purity or a downstream task for models of several sizes; this run has none")
    rule = (
        "in more than half of the methods with several sizes the larger of two variants of one patch size has the higher best "
        "score in more than half of the comparisons (purity of images, objects, parts; four tasks), where it is above noise in "
        "most layers, and clearly so more often than clearly the lower one"
    )
    found = f"the larger one is better: {'; '.join(share.found for share in shares)}"
    return decide(rule, [Part(found, sum(better) > MOST * len(better))], numbers)


def small_patch_helps(evidence: Evidence) -> Verdict:
    """Smaller patches win localized tasks."""
    parts, numbers = [], []
    for task in LOCALIZED:
        for fine, coarse in evidence.by_patch(*METHODS):
            high, low = _best(evidence, fine, task), _best(evidence, coarse, task)
            parts.append(above(high, low))
            numbers += [high, low]
    rule = (
        "of two variants of one method and size the one with the smaller patch has the higher best score, for video and for "
        "keypoints"
    )
    return decide(rule, parts, numbers)


def recon_variance(evidence: Evidence) -> Verdict:
    """The scores of MAE and of BEiT differ most between tasks, each task measured from chance to its best model."""
    models = evidence.main(*METHODS)
    parts, scores = [], {model.method: [] for model in models}
    for task in TASKS:
        best = {model.id: _best(evidence, model, task) for model in models}
        winner = max(models, key=lambda model: best[model.id].value)
        parts.append(evidence.above_noise(winner, task))
        chance = evidence.chance(task).value
        whole = best[winner.id].value - chance
        for model in models:
            share = best[model.id].minus(chance, "").times(1 / whole if whole > 0 else math.nan, "")
            scores[model.method].append(share)
    spread = {model.method: _spread(f"spread of {model.display_name} over tasks", scores[model.method]) for model in models}
    others = [number for method, number in spread.items() if method not in RECONSTRUCTION]
    parts.append(all_clearly_above([spread[method] for method in RECONSTRUCTION], others))
    rule = (
        "with each task's best scores measured from chance (0) to the best main model (1), the highest and the lowest of a "
        "model's four scores lie clearly farther apart in MAE and in BEiT than in every other main model, and each task's best "
        "model is in most layers clearly above every layer of noise features"
    )
    return decide(rule, parts, spread.values(), _video_of_variants(evidence))


def dense_helps(evidence: Evidence) -> Verdict:
    """Dense extraction improves video segmentation, most at patch 32."""
    parts, numbers, gains = [], [], {True: [], False: []}
    models = evidence.trained(*METHODS)
    for model in models:
        dense = evidence.score(model, "video").best(f"dense score of {model.display_name}")
        normal = evidence.score(model, "video_normal").best(f"normal score of {model.display_name}")
        parts.append(above(dense, normal))
        numbers += [dense, normal]
        gains[model.patch == (32, 32)].append(Number("", dense.value / normal.value, unit="times"))
    rule, left_out = "the best J&F of every trained model is higher with dense than with normal extraction", ""
    if gains[True] and gains[False]:
        ratios = [mean("mean gain at patch 32", gains[True]), mean("mean gain at other patches", gains[False])]
        parts.append(above(*ratios))
        numbers += ratios
        rule += ", and grows by a larger factor at patch 32 than at other patch sizes"
    else:
        left_out = "whether patch 32 gains most, which needs models with patch 32 and without"
    return decide(rule, parts, numbers, left_out)


def _best(evidence: Evidence, model: RunModel, task: str) -> Number:
    name = NAMES.get(task, f"{evidence.scores[task].facet} purity")
    return evidence.score(model, task).best(f"{name} of {model.display_name}")


def _spread(name: str, scores: Sequence[Number]) -> Number:
    high, low = (pick(scores, key=lambda number: number.value) for pick in (max, min))
    # The two were measured on different data: their errors add up as squares.
    less = math.hypot(high.value - high.ci_low, low.ci_high - low.value)
    more = math.hypot(high.ci_high - high.value, low.value - low.ci_low)
    value = high.value - low.value
    return Number(name, value, value - less, value + more, unit="share")


def _video_of_variants(evidence: Evidence) -> str:
    """Say so where video alone, over the variants of a method, tells the opposite: there another method varies more."""
    ranges = {}
    for method, models in evidence.variants(*METHODS).items():
        with suppress(CannotTestError):
            scores = [_best(evidence, model, "video").value for model in models]
            ranges[method] = max(scores) - min(scores)
    widest = max(ranges, key=ranges.get, default="")
    if len(ranges) < 2 or widest in RECONSTRUCTION:
        return ""
    return f"variants of a method, whose video scores (Table 2.4) contradict it: there {widest} varies most"


def _no_winner(
    evidence: Evidence, models: Sequence[RunModel], which: str, far_above: Callable[[Number, Number], Part]
) -> Verdict:
    """Judge whether some model is best at every task, and whether one relative depth is best for every model and task."""
    scores = {task: {model.id: _best(evidence, model, task) for model in models} for task in TASKS}
    winner = {task: max(models, key=lambda model, own=scores[task]: own[model.id].value) for task in TASKS}
    top = {task: scores[task][winner[task].id] for task in TASKS}
    always = [m for m in models if all(scores[task][m.id].value == top[task].value for task in TASKS)]
    # Within the intervals: some model that does not win everywhere could, because it overlaps every winner.
    perhaps = [m for m in models if all(above(top[task], scores[task][m.id]).close for task in TASKS)]
    winners = "; ".join(f"{top[task]}" for task in TASKS)
    depths = {evidence.score(model, task).best_layer / model.layers for model in models for task in TASKS}
    parts = [
        Part(f"the winners are {winners}", not always, bool(perhaps)),
        Part(f"relative depths of best layers: {len(depths)}", len(depths) > 1),
    ]
    lowest = {task: min(scores[task].values(), key=lambda number: number.value) for task in TASKS}
    telling = [NAMES[task] for task in TASKS if far_above(top[task], lowest[task]).fits]
    parts.append(Part(f"tasks that tell models apart: {', '.join(telling) or 'none'}", len(telling) > MOST * len(TASKS)))
    parts += [evidence.above_noise(winner[task], task) for task in TASKS]
    how = "clearly" if far_above is clearly_above else "without an overlap of intervals"
    rule = (
        f"none of the {which} has the highest best score in all four tasks, and not every best layer lies at one relative "
        f"depth; in more than half of the tasks the best model is above the lowest {how}, and in every task it is in most "
        "layers clearly above every layer of noise features"
    )
    return decide(rule, parts, [number for task in TASKS for number in scores[task].values()])
