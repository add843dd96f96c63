"""Claims about both tasks: rules, images of a support, value tokens (Kaltampanidis et al., sections 4.2, 4.4, 4.6, 6)."""

from __future__ import annotations

import math

from workflow_scripts.studies.evidence import Evidence
from workflow_scripts.studies.tokens.claims.compared import Side, sides
from workflow_scripts.studies.tokens.decisions import FIVE, HYPERPLANE, TOKENS, cosine, support_of
from workflow_scripts.studies.tokens.methods import DINO, MAE
from workflow_scripts.studies.verdict import CannotTestError, Half, Number, Part, Verdict, above, by_halves, mean

TASKS = ("classification", "segmentation")
LITTLE = 0.25  # "diminishing gains", in words in the paper: less than a quarter of the gain before


def k_saturation(evidence: Evidence) -> Verdict:
    """More images of the support than those of figures gain little and steady the result."""

    def of(task: str) -> Half:
        parts, numbers = [], []
        for side in sides(evidence, task, DINO, MAE):
            middle = support_of(side.cosine)
            ends = [support for support in side.measured.supports if support != middle]
            if not ends or not min(ends) < middle < max(ends):
                raise CannotTestError(
                    f"needs supports of fewer and of more than {middle} images in the analysis '{task}' of "
                    f"{side.model.display_name}; this run has not both"
                )
            few, some, many = (_mean(side, k) for k in (min(ends), middle, max(ends)))
            before, after = (
                Number(f"gain of {side.model.display_name} in {task} from {k} to {more} images", high.value - low.value)
                for k, more, low, high in ((min(ends), middle, few, some), (middle, max(ends), some, many))
            )
            parts += [above(before, Number("no gain", 0)), above(before.times(LITTLE, f"{LITTLE} of the {before.name}"), after)]
            spreads = [_spread(side, k) for k in (min(ends), middle, max(ends))]
            parts += [above(spreads[0], spreads[1]), above(spreads[1], spreads[2])]
            numbers += [few, some, many, *spreads]
        return parts, numbers

    rule = (
        "the mean accuracy of DINO's and of MAE's tokens rises from the fewest images of the support to those of figures, from "
        f"these to the most by less than {LITTLE} of that, and its deviation over trials falls both times, in both tasks"
    )
    return by_halves(rule, {task: lambda task=task: of(task) for task in TASKS})


def rule(evidence: Evidence) -> Verdict:
    """Hyperplanes are better than cosines, but for MAE's CLS tokens."""

    def of(task: str) -> Half:
        parts, numbers = [], []
        for side in sides(evidence, task, DINO, MAE):
            for metric in ("accuracy", "f1"):
                pair = [side.best(metric, HYPERPLANE)[1], side.best(metric, side.cosine)[1]]
                excepted = task == "classification" and side.model.method == MAE
                parts.append(above(*(pair[::-1] if excepted else pair)))
                numbers += pair
        return parts, numbers

    said = (
        "the best accuracy and the best F1 are higher with hyperplanes than with cosines in DINO and in MAE, in both tasks, "
        "and lower in MAE's classification alone"
    )
    return by_halves(said, {task: lambda task=task: of(task) for task in TASKS})


def values_not_superior(evidence: Evidence) -> Verdict:
    """Values are never the best of the five tokens."""

    def of(task: str) -> Half:
        parts, numbers = [], []
        for side in sides(evidence, task, DINO, MAE):
            for decided in (HYPERPLANE, side.cosine):
                for metric in ("accuracy", "f1"):
                    facet, number = side.best(metric, decided)
                    parts.append(Part(f"best is {TOKENS[facet]}: {number}", facet != "value"))
                    numbers += [number, side.number(metric, "value", decided)]
        return parts, numbers

    said = (
        "v has neither the best accuracy nor the best F1 of the five tokens, in DINO and in MAE, with hyperplanes and with "
        "cosines, in both tasks"
    )
    left_out = "how good keys and queries were expected to be"
    return by_halves(said, {task: lambda task=task: of(task) for task in TASKS}, left_out)


def _mean(side: Side, support: int) -> Number:
    name = f"mean accuracy of {side.model.display_name} in {side.analysis}, {support} images"
    return mean(name, side.each("accuracy", cosine(support)))


def _spread(side: Side, support: int) -> Number:
    """Return the deviation of the accuracy over trials, mean over the five tokens."""
    values = [side.measured.spread("accuracy", facet, cosine(support)) for facet in FIVE]
    name = f"deviation over trials of {side.model.display_name} in {side.analysis}, {support} images"
    if any(map(math.isnan, values)):
        raise CannotTestError(f"needs the {name}; this run has none")
    return Number(name, sum(values) / len(values), unit="share")
