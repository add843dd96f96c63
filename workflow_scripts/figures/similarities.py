"""Rows of the comparison table (CKA) as matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.figures.data import PairTable
from workflow_scripts.figures.style import FAMILIES

CKA_METRIC = "cka_minmax"  # each batch's Gram matrix is scaled to [0, 1] first
_NORMS = ("norm1", "norm2")  # the two LayerNorms of a block, in the order in which a block applies them


def grouped(models: Sequence[RunModel]) -> list[RunModel]:
    """Return the models with those of one kind of supervision side by side, in the order of `style.FAMILIES`."""
    return sorted(models, key=lambda model: FAMILIES.index(model.supervision) if model.supervision in FAMILIES else 99)


def last_layers(table: PairTable, setting: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Return how similar the outputs of the models' last blocks are.

    Args:
        table: the comparisons; its models are the rows and columns of the matrix, in order.
        setting: "cls", "spatial" or "all" tokens.

    Returns:
        A symmetric [M, M], NaN where undefined, and the rows it was made from, each pair of models once.

    Raises:
        AtlasError: there are no such rows, or two of a pair.
    """
    rows = table.select(CKA_METRIC, setting, ["token"], ["token"])
    place = {model.id: index for index, model in enumerate(table.models)}
    first, second = (rows[name].map(place).to_numpy(int) for name in ("model", "other_model"))
    values = _fill(table, rows, (len(place), len(place)), first, second)
    values[second, first] = rows["value"]
    return values, rows


def depth_rows(table: PairTable) -> pd.DataFrame:
    """Return the rows that compare LayerNorm outputs with LayerNorm outputs, of all models."""
    return table.select(CKA_METRIC, "all", _NORMS, _NORMS)


def by_depth(table: PairTable, first: RunModel, second: RunModel, rows: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return how similar two models are at each pair of depths, from the rows of `depth_rows`.

    Depths are the outputs of the two LayerNorms of every block in the order in which the network applies them.

    Args:
        table: the comparisons.
        first: the model of the matrix's rows.
        second: the model of its columns; may be `first`.
        rows: what `depth_rows` returned.

    Returns:
        [2 L of first, 2 L of second], NaN where undefined, and the rows it was made from.

    Raises:
        AtlasError: the models are not compared, or twice at a pair of depths.
    """
    chosen = _of_pair(rows, first, second)
    if chosen.empty and first != second:  # each pair is there once, in the order of the run
        chosen = _of_pair(rows, second, first)
        if not chosen.empty:
            values, chosen = by_depth(table, second, first, rows)
            return values.T, chosen
    if chosen.empty:
        raise AtlasError(f"{table.path}: does not compare the depths of '{first.id}' and '{second.id}'; run it again")
    sites = [
        2 * (chosen[layer].to_numpy(int) - 1) + (chosen[facet] == _NORMS[1]).to_numpy(int)
        for layer, facet in (("layer", "facet"), ("other_layer", "other_facet"))
    ]
    shape = (2 * first.layers, 2 * second.layers)
    return _fill(table, chosen, shape, *sites), chosen


def residual(table: PairTable, model: RunModel, part: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Return how similar the skip connections of a model are to its branches.

    Args:
        table: the comparisons.
        model: which model.
        part: "attention" or "mlp".

    Returns:
        [L skips, L branches], NaN where undefined, and the rows it was made from.

    Raises:
        AtlasError: they are not compared, or twice at a pair of layers.
    """
    rows = _of_pair(table.select(CKA_METRIC, "all", [f"{part}_skip"], [f"{part}_branch"]), model, model)
    if rows.empty:
        raise AtlasError(f"{table.path}: does not compare the {part} skips and branches of '{model.id}'; run it again")
    places = (rows[name].to_numpy(int) - 1 for name in ("layer", "other_layer"))
    return _fill(table, rows, (model.layers, model.layers), *places), rows


def pair_frame(rows: pd.DataFrame, models: Sequence[RunModel]) -> pd.DataFrame:
    """Return `rows` as they go into the figure's CSV, with both models' names."""
    names = {model.id: model.display_name for model in models}
    rows = rows.copy()
    rows.insert(0, "display_name", rows["model"].map(names))
    rows.insert(1, "other_display_name", rows["other_model"].map(names))
    return rows


def _fill(table: PairTable, rows: pd.DataFrame, shape: tuple[int, int], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    values = np.full(shape, np.nan)
    if len(set(zip(first.tolist(), second.tolist(), strict=True))) < len(rows):
        pair = rows.iloc[0]
        raise AtlasError(
            f"{table.path}: '{pair['model']}' and '{pair['other_model']}' are compared twice at one place; keep one dataset"
        )
    values[first, second] = rows["value"]
    return values


def _of_pair(rows: pd.DataFrame, first: RunModel, second: RunModel) -> pd.DataFrame:
    return rows[(rows["model"] == first.id) & (rows["other_model"] == second.id)]
