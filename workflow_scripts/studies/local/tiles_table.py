"""Table 5: patches of tiles against patches of full images.

Vanyan et al. (arXiv 2401.00463v2), section A.8.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.local.conditions import LINEAR, NN, setting
from workflow_scripts.studies.local.measured import Measured
from workflow_scripts.studies.local.table_cells import (
    as_table,
    datasets_text,
    number_cell,
    of_model,
    published,
    published_value,
    row_cell,
)

NAME, ANALYSIS = "tiles", "full_images"
VIEWS = {"": "tiles", "full": "full image"}
RULES = {LINEAR: "linear", NN: "1-NN"}


def tiles_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 5 and their layout: two rows a model, beside ours what the paper printed.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    rows, lines, entries = [], [], published("5")
    shown = [model for model in models if not model.random and (of := Measured.of(table, model.id, ANALYSIS)) and len(of.frame)]
    printed = any(of_model(entries, model) for model in shown)
    for model in shown:
        measured, own = Measured.of(table, model.id, ANALYSIS), of_model(entries, model)
        for view, said in VIEWS.items():
            cells = []
            for rule in RULES:
                row = measured.row("miou", rule, view=view)
                rows += [row] if row is not None else []
                cells.append(row_cell(row))
                if printed:
                    cells.append(number_cell(published_value(own, setting=setting(rule, view=view))))
            lines.append((Cell(model.display_name, dot=model.supervision), Cell(said), *cells))
    made = make_table(as_table(rows, NAME))
    columns = [Column("Model"), Column("Input")]
    for said in RULES.values():
        columns += [Column(said, number=True), *([Column(f"{said}, as published", number=True)] if printed else [])]
    caption = (
        "Mean IoU of patches of tiles and of full images, whose position embeddings are interpolated."
        f"{' As published: numbers of the paper.' if printed else ''}{datasets_text(made, models)}"
    )
    return made, Fragment(label=NAME, caption=caption, columns=tuple(columns), rows=tuple(lines))
