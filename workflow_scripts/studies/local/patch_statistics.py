"""Table 3: pixels and patches of every class in the aerial tiles.

Vanyan et al. (arXiv 2401.00463v2), section A.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel, spell
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.studies.local.conditions import condition
from workflow_scripts.studies.local.table_cells import as_table, count_cell, datasets_text, published

NAME, ANALYSIS = "patch_statistics", "retrieval"
PIXELS, PATCHES, TILES = "pixel_share", "patch_share", "tiles"


def patch_statistics(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 3 and their layout: a row per class, columns of pixels and of patches of every size.

    Patches of one size are the same for all models that have it: those of the first are counted.

    Args:
        table: rows of the analysis, in the table contract; a share of n pixels or patches.
        models: of the run.
    """
    own = table[(table["analysis"] == ANALYSIS) & table["metric"].isin([PIXELS, PATCHES, TILES])]
    first = {}
    for model in models:
        if not model.random and (own["model"] == model.id).any():
            first.setdefault(model.patch, model.id)
    kept = own[own["model"].isin(first.values())]
    kept = kept[(kept["metric"] == PATCHES) | (kept["model"] == next(iter(first.values()), ""))]
    made = make_table(as_table(kept.to_dict("records"), NAME))
    counts = {(row["metric"], row["model"], condition(row["setting"]).words["class"]): row for row in made.to_dict("records")}
    classes = list(dict.fromkeys(name for _, _, name in counts))
    pixels_of = next(iter(first.values()), "")
    known = _published(classes)
    columns = [Column("Class"), Column("Tiles", number=True), *_columns("Pixels", bool(known))]
    for patch in first:
        columns += _columns(f"Patches of {spell(patch)}", bool(known))
    lines = []
    for name in classes:
        cells = [Cell(name), count_cell(_count(counts.get((TILES, pixels_of, name))))]
        for metric, model, patch in [(PIXELS, pixels_of, None), *((PATCHES, model, patch) for patch, model in first.items())]:
            cells += _cells(counts.get((metric, model, name)), known, name, patch)
        lines.append(tuple(cells))
    caption = (
        "Pixels and patches of the aerial tiles by class, with their shares; a patch is of the class that most of its pixels "
        "have. Tiles: those in which a class is present."
    )
    if known:
        caption += " As published: the paper's counts; what its table garbles is recomputed from its totals."
    return made, Fragment(label=NAME, caption=caption + datasets_text(made, models), columns=tuple(columns), rows=tuple(lines))


def _published(classes: Sequence[str]) -> dict[tuple[str, int | None], int]:
    """Return the paper's counts by class and side of the patch (None: pixels), if the classes are those of its table."""
    entries = [one for one in published("3") if "class" in one]
    if not {"background"} < {name for name in classes if name in {one["class"] for one in entries}}:
        return {}
    return {(one["class"], one.get("patch")): one["value"] for one in entries}


def _columns(name: str, printed: bool) -> list[Column]:
    return [Column(name, number=True), *([Column("as published", number=True)] if printed else [])]


def _cells(row: Mapping | None, known: Mapping, name: str, patch: tuple[int, int] | None) -> list[Cell]:
    count = _count(row)
    share = "" if row is None else f"{row['value']:.4f}"
    cells = [Cell(MISSING if count is None else f"{count}", note=share)]
    return [*cells, count_cell(known.get((name, patch[0] if patch else None)))] if known else cells


def _count(row: Mapping | None) -> int | None:
    """Return how many things a row counts: a share of n, or a number of tiles."""
    if row is None:
        return None
    return round(row["value"] if row["metric"] == TILES else row["value"] * row["n"])
