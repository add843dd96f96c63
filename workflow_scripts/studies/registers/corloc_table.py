"""Table 3: how often objects are found.

Darcet et al. (arXiv 2309.16588v2), section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.registers.conditions import CORLOC, bias
from workflow_scripts.studies.registers.measured import Measured
from workflow_scripts.studies.registers.methods import published_facet
from workflow_scripts.studies.registers.table_cells import (
    as_table,
    data_text,
    name_cell,
    of_model,
    percent_cell,
    published,
    row_cell,
)
from workflow_scripts.studies.registers.twin_order import beside_twins

NAME, ANALYSIS = "corloc", "discovery"


def corloc_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 3 and their layout: a row per model, twins below each other, a column per dataset.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    own = table[(table["analysis"] == ANALYSIS) & (table["metric"] == CORLOC)]
    datasets = list(dict.fromkeys(own["dataset"]))
    shown = [model for model in beside_twins(models) if not model.random and (own["model"] == model.id).any()]
    numbers = {
        model: {one["dataset"]: one["value"] for one in of_model(published("3"), model) if one["metric"] == CORLOC}
        for model in shown
    }
    printed = [name for name in datasets if any(name in values for values in numbers.values())]
    rows, lines = [], []
    for model in shown:
        measured, facet = Measured.of(own, model.id, ANALYSIS), published_facet(model)
        cells = [name_cell(model), Cell(f"{facet}s")]
        for dataset in datasets:
            row = measured.row(CORLOC, bias(0), facet=facet, dataset=dataset)
            rows += [row] if row is not None else []
            cells.append(row_cell(row))
            if dataset in printed:
                cells.append(percent_cell(numbers[model].get(dataset)))
        lines.append(tuple(cells))
    columns = [Column("Model"), Column("By")]
    for dataset in datasets:
        columns += [Column(dataset, number=True), *([Column("as published", number=True)] if dataset in printed else [])]
    made = make_table(as_table(rows, NAME))
    caption = (
        "CorLoc in percent: share of images in which the box that LOST finds overlaps an annotated one by an IoU of at least "
        "0.5. By the facet of the last layer that the paper takes for a model and without a bias, images at their own size."
    )
    if printed:
        caption += " As published: numbers of the paper, which adds a bias that it does not name."
    if any(numbers.values()) and not any("architecture" in one for one in published("3")):
        caption += " Our source does not name the sizes of its models: all sizes have its number beside them."
    return made, Fragment(label=NAME, caption=caption + data_text(made, models), columns=tuple(columns), rows=tuple(lines))
