"""The thesis' claims about downstream tasks (thesis sections 2.5, 2.7.3 and 2.7.6), and about size over features and tasks."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.thesis.claims.methods import METHODS, RECONSTRUCTION, all_variants
from workflow_scripts.studies.verdict import (
    CannotTestError,
    Number,
    Part,
    Verdict,
    above,
    all_above,
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
    """Localized tasks peak before the last layer."""
    models = evidence.main(*METHODS)
    parts, numbers = [], []
    for task in LOCALIZED:
        layers = [evidence.score(model, task).best_layer for model in models]
        n_before = sum(layer < model.layers for layer, model in zip(layers, models, strict=True))
        parts.append(Part(f"{n_before} of {len(models)} for {NAMES[task]}", n_before > MOST * len(models)))
        numbers += [
            Number(f"best layer of {model.display_name} for {NAMES[task]}", layer, unit="count")
            for layer, model in zip(layers, models, strict=True)
        ]
    rule = "more than half of the main models have their best layer before the last, for video and for keypoints"
    return decide(rule, parts, numbers)


def no_single_best(evidence: Evidence) -> Verdict:
    """Neither a method nor a layer wins every task."""
    return _no_winner(evidence, evidence.main(*METHODS), "main models")


def no_single_best_20(evidence: Evidence) -> Verdict:
    """The same over all variants."""
    return _no_winner(evidence, all_variants(evidence), "variants of the six methods")


def size_helps(evidence: Evidence) -> Verdict:
    """The larger of two variants usually scores higher."""
    numbers, wins, ties = [], 0, 0
    pairs = evidence.by_size(*METHODS)
    for task in (*_PURITIES, *TASKS):
        for small, large in pairs:
            try:
                low, high = _best(evidence, small, task), _best(evidence, large, task)
            except CannotTestError:
                continue
            part = above(high, low)
            wins += part.fits
            ties += part.close
            numbers += [low, high]
    if not numbers:
        raise CannotTestError("needs purity or a downstream task for models of several sizes; this run has none")
    count = len(numbers) // 2
    rule = (
        "the larger of two variants of one method and patch size has the higher best score in more than half of the "
        "comparisons (purity of images, objects, parts; four tasks)"
    )
    found = f"{wins} of {count}, intervals overlap in {ties}"
    return decide(rule, [Part(found, wins > MOST * count)], numbers)


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
    """Variants of MAE and of BEiT differ most."""
    families = evidence.variants(*METHODS)
    if not set(RECONSTRUCTION) < set(families):
        raise CannotTestError("needs several variants of MAE, of BEiT and of another method; this run has not")
    spread = {}
    for method, models in families.items():
        ranges = []
        for task in TASKS:
            scores = [_best(evidence, model, task).value for model in models]
            ranges.append(Number("", max(scores) - min(scores)))
        spread[method] = mean(f"mean range of scores of {method}", ranges)
    others = [number for method, number in spread.items() if method not in RECONSTRUCTION]
    rule = (
        "the range of best scores among a method's variants, mean over the four tasks, is wider for MAE and for BEiT than for "
        "every other method"
    )
    return decide(rule, [all_above([spread[method] for method in RECONSTRUCTION], others)], spread.values())


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


def _no_winner(evidence: Evidence, models: Sequence[RunModel], which: str) -> Verdict:
    """Judge whether some model is best at every task, and whether one relative depth is best for every model and task."""
    scores = {task: {model.id: _best(evidence, model, task) for model in models} for task in TASKS}
    top = {task: max(scores[task].values(), key=lambda number: number.value) for task in TASKS}
    always = [m for m in models if all(scores[task][m.id].value == top[task].value for task in TASKS)]
    # Within the intervals: some model that does not win everywhere could, because it overlaps every winner.
    perhaps = [m for m in models if all(above(top[task], scores[task][m.id]).close for task in TASKS)]
    winners = "; ".join(f"{top[task]}" for task in TASKS)
    depths = {evidence.score(model, task).best_layer / model.layers for model in models for task in TASKS}
    parts = [
        Part(f"the winners are {winners}", not always, bool(perhaps)),
        Part(f"relative depths of best layers: {len(depths)}", len(depths) > 1),
    ]
    rule = (
        f"none of the {which} has the highest best score in all four tasks, and not every best layer lies at one relative depth"
    )
    return decide(rule, parts, [number for task in TASKS for number in scores[task].values()])
