"""How much CorLoc depends on what one chooses: ours."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.studies.registers.corloc_by_choice import ANALYSIS, Choice, best, choices, study_choice
from workflow_scripts.studies.registers.measured import Measured, Row
from workflow_scripts.studies.registers.table_cells import as_table, data_text, name_cell, row_cell
from workflow_scripts.studies.registers.twin_order import beside_twins

NAME = "corloc_choices"
_ALONE = ("facet", "layer", "bias", "side")
_CHOICE = 0.13  # of the text width, for a choice in words
_HEADINGS = ("All", "By facet", "By layer", "By bias", "By size")


def choices_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of the best and the study's own choice and their layout: a row per model and dataset.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    rows, lines = [], []
    for model in beside_twins(models):
        measured = Measured.of(table, model.id, ANALYSIS)
        for dataset in [] if model.random else measured.datasets:
            found = choices(measured, dataset)
            if not found:
                continue
            top, own = best(found), study_choice(model, found)
            rows += [found[choice] for choice in dict.fromkeys((top, own)) if choice is not None]
            ours = Cell(MISSING) if own is None else Cell(own.text)
            value = row_cell(found.get(own))
            spreads = [_span(found), *(Cell(MISSING) if own is None else _span(_varied(found, own, one)) for one in _ALONE)]
            lines.append((name_cell(model), Cell(dataset), Cell(top.text), row_cell(found[top]), ours, value, *spreads))
    columns = [Column("Model"), Column("Dataset"), Column("Best", width=_CHOICE), Column("CorLoc", number=True)]
    columns += [
        Column("Study's", width=_CHOICE),
        Column("CorLoc", number=True),
        *(Column(name, number=True) for name in _HEADINGS),
    ]
    made = make_table(as_table(rows, NAME))
    caption = (
        "CorLoc in percent of the best facet, layer, bias (of the mean size of the products) and image size, of the study's "
        "own, and from the lowest to the highest: over all choices, and where one alone departs from the study's own. The best "
        "is chosen on the images that it is measured on."
    )
    return made, Fragment(label=NAME, caption=caption + data_text(made, models), columns=tuple(columns), rows=tuple(lines))


def _varied(found: dict[Choice, Row], own: Choice, part: str) -> dict[Choice, Row]:
    """Return the rows of choices that differ from one in a part alone, and its own."""
    others = [name for name in _ALONE if name != part]
    return {one: row for one, row in found.items() if all(getattr(one, name) == getattr(own, name) for name in others)}


def _span(found: dict[Choice, Row]) -> Cell:
    values = [100 * row["value"] for row in found.values()]
    return Cell(f"{min(values):.1f}\N{EN DASH}{max(values):.1f}")
