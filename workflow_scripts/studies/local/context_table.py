"""Table 6: how well the feature of a central patch predicts how much of each class its image shows.

Vanyan et al. (arXiv 2401.00463v2), section 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.local.conditions import RIDGE, condition, setting
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

NAME, ANALYSIS = "global_context", "context"
FEATURES = {
    "": "all",
    "without top": "without the largest variance",
    "random": "as many at random",
    "top": "largest variance alone",
}


def context_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 6 and their layout: four rows a model, a column per class and their mean.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    own = table[(table["analysis"] == ANALYSIS) & (table["metric"] == "r2")]
    classes = list(dict.fromkeys(name for text in own["setting"] if (name := condition(text).words.get("class"))))
    rows, lines, printed = [], [], False
    for model in models:
        if model.random:
            continue
        measured, entries = Measured.of(own, model.id, ANALYSIS), of_model(published("6"), model)
        for features, said in FEATURES.items():
            found = [measured.row("r2", RIDGE, features=features, **{"class": name}) for name in (*classes, "")]
            if not any(found):
                continue
            rows += [row for row in found if row is not None]
            lines.append((Cell(model.display_name, dot=model.supervision), Cell(said), *map(row_cell, found)))
            values = [
                published_value(entries, setting=setting(RIDGE, features=features, **{"class": name}))
                for name in (*classes, "")
            ]
            if entries and all(value is not None for value in values):
                printed = True
                lines.append(
                    (Cell(f"{model.method}, as published", dot=model.supervision), Cell(said), *map(number_cell, values))
                )
    made = make_table(as_table(rows, NAME))
    columns = (Column("Model"), Column("Features"), *(Column(name, number=True) for name in (*classes, "mean")))
    caption = (
        "R2 of ridge regressions that predict the share of each class in an image from the feature of its central patch, on "
        "test images."
    )
    if printed:
        caption += (
            " As published: the paper, with 200 features; its text has 0.666 for the mean of the random ones, its table 0.651."
        )
    return made, Fragment(label=NAME, caption=caption + datasets_text(made, models), columns=columns, rows=tuple(lines))
