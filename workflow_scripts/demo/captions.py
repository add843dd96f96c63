"""One sentence per image, naming its objects and its surroundings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from workflow_scripts.demo.plans import PLANS

_NUMBERS = {2: "two", 3: "three"}
_TEMPLATES = (
    "a picture of {objects} with {stuff}",
    "{objects} and {stuff}",
    "{stuff} behind {objects}",
    "here we see {objects} near {stuff}",
    "{objects}",
    "a photo of {objects}",
)


def caption(rng: np.random.Generator, classes: Sequence[str], stuff: Sequence[str]) -> str:
    """Return a caption that mentions every class in `classes` (largest object first) and, mostly, the `stuff`."""
    phrases = [_phrase(name, number) for name, number in Counter(classes).items()]
    template = _TEMPLATES[rng.integers(len(_TEMPLATES))]
    return template.format(objects=_join(phrases), stuff=_join([f"the {name}" for name in stuff]))


def _phrase(name: str, number: int) -> str:
    if number > 1:
        return f"{_NUMBERS[number]} {PLANS[name].plural}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _join(phrases: Sequence[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
