"""A colour for every token type, the same in all figures of the study, and for every category of concepts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from workflow_scripts.figures.style import INK
from workflow_scripts.studies.tokens.decisions import TOKENS

TOKEN_COLOURS = {
    "query": "#b05aa0",
    "key": "#d55e00",
    "value": "#3d9bd9",
    "attention_output": "#00876c",
    "attention_projected": "#8ccfae",
    "token": INK,
    "token_normed": "#9a9a9a",
}
_MEANINGS = {
    "query": "query",
    "key": "key",
    "value": "value",
    "attention_output": "attention output",
    "attention_projected": "attention output alone",
    "token": "feed-forward output",
    "token_normed": "after the final norm",
}
_CATEGORIES = ("#2f7fc1", "#e69f00", "#005f52", "#cf3a20", "#8d6bb1", "#6b6b6b")
_PALE = 0.62  # how far a pale colour is mixed with white


def token_handles(tokens: Sequence[str], lines: bool = False) -> list[Patch | Line2D]:
    """Return a legend entry for each token: its sign and what it stands for."""
    labels = {token: TOKENS[token] if TOKENS[token] == "LN(x)" else f"{TOKENS[token]}, {_MEANINGS[token]}" for token in tokens}
    if lines:
        return [Line2D([], [], color=TOKEN_COLOURS[t], marker="o", markersize=3, label=label) for t, label in labels.items()]
    return [Patch(color=TOKEN_COLOURS[token], label=label) for token, label in labels.items()]


def category_colours(categories: Sequence[str]) -> dict[str, str]:
    """Return a colour for each category, by its place."""
    return {name: _CATEGORIES[place % len(_CATEGORIES)] for place, name in enumerate(categories)}


def pale(colour: str) -> tuple[float, ...]:
    """Return a colour mixed with white."""
    return tuple(np.array(to_rgb(colour)) * (1 - _PALE) + _PALE)
