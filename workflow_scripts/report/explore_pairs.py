"""Comparisons of representations as the explorer's matrices read them: of models, and of the depths of two models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workflow_scripts.report.data_scripts import packed, rounded

_WHAT = ["metric", "dataset", "setting"]
_FACETS = ["facet", "other_facet"]
KEYS = [*_WHAT, *_FACETS]  # of a comparison: in the order of its name in the address
_PAIR = ["model", "other_model"]
_WORDS = [*_WHAT, *_FACETS, "unit"]


def model_matrices(frame: pd.DataFrame, models: Sequence[str]) -> list[dict[str, Any]]:
    """Return what has one number for each two models, as matrices flat over models x models.

    A comparison that is given in one order stands in both.
    """
    found = []
    for what, rows in _spelled(frame).groupby(_WORDS, sort=False):
        if rows.duplicated(_PAIR).any():
            continue
        flat = {name: np.full((len(models),) * 2, np.nan) for name in ("value", "ci_low", "ci_high", "n")}
        here, there = (rows[column].map({model: i for i, model in enumerate(models)}).to_numpy() for column in _PAIR)
        for name, matrix in flat.items():
            numbers = rows[name].to_numpy(dtype="float64", na_value=np.nan)
            matrix[there, here] = numbers
            matrix[here, there] = numbers
        low, high, n = (rounded(flat[name].ravel()) for name in ("ci_low", "ci_high", "n"))
        value = rounded(flat["value"].ravel())
        words = dict(zip(_WORDS, what, strict=True))
        layers = {str(model): int(layer) for model, layer in zip(rows["model"], rows["layer"], strict=True) if pd.notna(layer)}
        found.append(words | {"value": value, "low": low, "high": high, "n": n, "layers": layers})
    return found


def depth_blocks(frame: pd.DataFrame, layers: dict[str, int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield, for each model that comes first in a comparison of depths, its comparisons as blocks of depths x depths.

    Facets that are compared with each other share a block: its rows are layers x `left` facets, the facets of a layer side
    by side, its columns layers x `right` facets of the other model. Numbers are bytes by twos over the block's range.

    Args:
        frame: rows of comparisons.
        layers: depth of each model.
    """
    deep, sides = _blocks(frame)
    for model, own in deep.groupby("model", sort=False):
        blocks = []
        for (*what, other, block), rows in own.groupby([*_WHAT, "other_model", "block"], sort=False):
            left, right = sides[block]
            matrix = np.full((layers[model] * len(left), layers[other] * len(right)), np.nan)
            down = (rows["layer"].astype(int) - 1) * len(left) + rows["facet"].map(left.index).astype(int)
            along = (rows["other_layer"].astype(int) - 1) * len(right) + rows["other_facet"].map(right.index).astype(int)
            matrix[down, along] = rows["value"]
            words = dict(zip(_WHAT, what, strict=True))
            words["unit"] = rows["unit"].iloc[0]
            sizes = {"other": other, "left": left, "right": right, "rows": matrix.shape[0], "columns": matrix.shape[1]}
            blocks.append(words | sizes | packed(matrix, np.uint16, axes=2))
        yield model, blocks


def block_ids(frame: pd.DataFrame) -> list[str]:
    """Return how the page calls the blocks of `depth_blocks`: metric, dataset, setting, facets up and across."""
    deep, sides = _blocks(frame)
    kinds = deep[[*_WHAT, "block"]].drop_duplicates().itertuples(index=False)
    return ["|".join([*what, *("+".join(facets) for facets in sides[block])]) for *what, block in kinds]


def is_of_depths(frame: pd.DataFrame) -> bool:
    """Return whether rows of one comparison have several numbers of two models."""
    return bool(frame.duplicated(_PAIR).any())


def _blocks(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[int, list[list[str]]]]:
    """Return the rows that compare depths with the block of each, and the facets up and across of each block."""
    deep = _deep(_spelled(frame))
    linked = _linked(deep)
    deep = deep.assign(block=[linked[pair] for pair in zip(deep["facet"], deep["other_facet"], strict=True)])
    blocks = deep.groupby("block", sort=False)
    return deep, {block: [list(dict.fromkeys(rows[column])) for column in _FACETS] for block, rows in blocks}


def _deep(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of what compares several layers of two models."""
    keys = [frame[column] for column in KEYS]
    several = frame.duplicated([*KEYS, *_PAIR]).groupby(keys, sort=False).transform("any")
    return frame[several & frame["layer"].notna() & frame["other_layer"].notna()]


def _linked(frame: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Return the block of each two facets that are compared: facets of one side that meet the same ones share theirs."""
    block: dict[tuple[str, str], int] = {}
    sides: list[tuple[set[str], set[str]]] = []
    for left, right in frame[_FACETS].drop_duplicates().itertuples(index=False):
        met = [side for side in sides if left in side[0] or right in side[1]]
        sides = [side for side in sides if side not in met]
        sides.append(({left}.union(*(side[0] for side in met)), {right}.union(*(side[1] for side in met))))
    for number, (lefts, rights) in enumerate(sides):
        block |= {(left, right): number for left in lefts for right in rights}
    return block


def _spelled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with "" for words that are missing, which grouping would leave out."""
    return frame.assign(**{column: frame[column].fillna("").astype(str) for column in _WORDS})
