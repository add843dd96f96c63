"""Which models, tokens and concepts the pictures of single concepts show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from workflow_scripts.studies.tokens.decisions import FIVE, HYPERPLANE, ordered
from workflow_scripts.studies.tokens.measured import Measured

SHOWN = 5  # concepts of a category
METRIC = "f1"
KINDS = ("hyperplane", "cosine")  # as maps call the rules


def rule_of(measured: Measured, kind: str) -> str:
    """Return the rule that maps call so, as tables name it; "" if none was measured."""
    return HYPERPLANE if kind == "hyperplane" else measured.figure_rule


def shared_token(every: Sequence[Measured], kind: str) -> str:
    """Return the token of the best F1 over all concepts, averaged over models; "" where none has all of them measured."""
    means = {facet: float(np.mean([one.value(METRIC, facet, rule_of(one, kind)) for one in every])) for facet in FIVE}
    means = {facet: value for facet, value in means.items() if not math.isnan(value)}
    return max(means, key=means.get) if means else ""


def spanning(scores: Mapping[tuple[str, str], float]) -> dict[str, list[tuple[str, str]]]:
    """Return up to five concepts of each category that span its scores evenly by rank, from the highest to the lowest.

    Args:
        scores: (category, concept) -> score.
    """
    chosen = {}
    for category in ordered({category for category, _ in scores}):
        own = sorted((key for key in scores if key[0] == category), key=lambda key: (-scores[key], key[1]))
        places = np.linspace(0, len(own) - 1, min(SHOWN, len(own))).round().astype(int)
        chosen[category] = [own[place] for place in places]
    return chosen
