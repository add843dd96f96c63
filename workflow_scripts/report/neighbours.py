"""The report's table of k-NN accuracies: how well the models of the demo separate the classes they never saw drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.table import read_table

METRIC = "knn_accuracy"
FACET_NAMES = {"cls": "CLS token", "mean_patch": "Mean of patch tokens"}


@dataclass(frozen=True)
class Cell:
    """One accuracy with its interval and the layer it is from."""

    value: str
    interval: str
    layer: int


@dataclass(frozen=True)
class Neighbours:
    """The table: per model the best layer and the last layer of each facet."""

    setting: str
    dataset: str
    facets: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[Cell, Cell] | None, ...]], ...]


def read_neighbours(path: Path, names: Mapping[str, str]) -> Neighbours:
    """Return the k-NN accuracies in the table at `path`; models keep the order of its rows.

    Args:
        path: the table.
        names: display name by id.

    Raises:
        AtlasError: the file is no table of the atlas, or has no k-NN accuracy.
    """
    table = read_table(path)
    table = table[table["metric"] == METRIC]
    if table.empty:
        raise AtlasError(f"{path}: no metric '{METRIC}'; run check_demo_zoo again")
    facets = tuple(dict.fromkeys(table["facet"]))
    rows = []
    for model in dict.fromkeys(table["model"]):
        own = table[table["model"] == model]
        cells = tuple(_best_and_last(own[own["facet"] == facet]) for facet in facets)
        rows.append((names.get(model, model), cells))
    return Neighbours(
        setting=", ".join(dict.fromkeys(s for s in table["setting"] if s)),
        dataset=", ".join(dict.fromkeys(table["dataset"])),
        facets=tuple(FACET_NAMES.get(facet, facet) for facet in facets),
        rows=tuple(rows),
    )


def _best_and_last(rows: pd.DataFrame) -> tuple[Cell, Cell] | None:
    if rows.empty:
        return None
    rows = rows.sort_values("layer")
    return _cell(rows.loc[rows["value"].idxmax()]), _cell(rows.iloc[-1])


def _cell(row: pd.Series) -> Cell:
    scale = 1 if row["unit"] in ("%", "percent") else 100
    interval = ""
    if pd.notna(row["ci_low"]) and pd.notna(row["ci_high"]):
        interval = f"{scale * row['ci_low']:.1f} to {scale * row['ci_high']:.1f}"
    return Cell(f"{scale * row['value']:.1f} %", interval, int(row["layer"]))
