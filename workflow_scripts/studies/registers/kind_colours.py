"""A colour for every kind of token and every facet, the same in all figures of the study that tell them apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch

from workflow_scripts.studies.registers.conditions import CLS, EVERY, HIGH, NORMAL

KIND_COLOURS = {NORMAL: "#2f7fc1", HIGH: "#d55e00", EVERY: "#9a9a9a", CLS: "#3b3b3b"}
KIND_NAMES = {NORMAL: "normal patches", HIGH: "high-norm patches", EVERY: "all patches", CLS: "CLS"}
FACET_COLOURS = {"query": "#b05aa0", "key": "#d55e00", "value": "#3d9bd9", "token": "#222222", "token_normed": "#9a9a9a"}
_PALE = 0.6  # how far a pale colour is mixed with white


def kind_handles(kinds: Iterable[str]) -> list[Patch]:
    """Return a legend entry for each kind of token."""
    return [Patch(color=KIND_COLOURS[kind], label=KIND_NAMES[kind]) for kind in kinds]


def pale(colour: str) -> tuple[float, ...]:
    """Return a colour mixed with white."""
    return tuple(np.array(to_rgb(colour)) * (1 - _PALE) + _PALE)
