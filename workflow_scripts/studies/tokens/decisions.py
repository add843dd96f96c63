"""The decisions of this study as tables name them: rule, category and concept in the setting, tokens in the facet.

A setting is ``<rule>``, the mean over all concepts; ``<rule>: <category>``, that over the concepts of a category; or
``<rule>: <category>: <concept>``. A rule is ``hyperplane``, ``hyperplane, SGD`` or ``cosine, k = 50``. A category may not have
": " in its name, a concept may.
"""

from __future__ import annotations

from typing import NamedTuple

HYPERPLANE, SGD = "hyperplane", "hyperplane, SGD"
_COSINE = "cosine, k = "
_OF = ": "

# Facet -> how figures call the token: of the last block, in the order of its computation.
TOKENS = {
    "query": "q",
    "key": "k",
    "value": "v",
    "attention_output": "a",
    "attention_projected": "a, projected",
    "token": "x",
    "token_normed": "LN(x)",
}
FIVE = ("query", "key", "value", "attention_output", "token")  # the study's own; LN(x) is a remedy it tries on one of them
CATEGORIES = ("object", "part", "material", "texture", "scene")  # of Broden, in the study's order; others come after

CONCEPT = "concept_"  # what begins the name of a metric of one concept
SPREAD = "_sd"  # what ends the name of a metric's standard deviation over trials
EXAMPLES = "concept_examples"  # metric: training objects with a concept; n: those of them that templates are learnt from
LEFT_OUT = "concept_left_out"  # metric: training images of a concept that too few images show; n: its test images
NOT_ASKED = "concept_without_query"  # metric: a concept that all or no test images show; the cosine rule leaves it out


class Decision(NamedTuple):
    """What a setting says: the rule, the category ("" for all), the concept ("" for all)."""

    rule: str
    category: str = ""
    concept: str = ""


def cosine(support: int) -> str:
    """Return the name of the cosine rule with `support` images."""
    return f"{_COSINE}{support}"


def support_of(rule: str) -> int | None:
    """Return the number of images of a cosine rule, None for another rule."""
    return int(rule.removeprefix(_COSINE)) if rule.startswith(_COSINE) else None


def setting(rule: str, category: str = "", concept: str = "") -> str:
    """Return the setting of rows: of the mean over all concepts, over a category's, or of one concept."""
    return _OF.join(part for part in (rule, category, concept) if part)


def decision(text: str) -> Decision:
    """Return what a setting says."""
    return Decision(*text.split(_OF, 2))


def ordered(categories: set[str]) -> list[str]:
    """Return categories in the study's order, then others by name."""
    return [*(name for name in CATEGORIES if name in categories), *sorted(categories - set(CATEGORIES))]
