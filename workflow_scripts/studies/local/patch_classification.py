"""Table 2: mean IoU of patches by 1-NN and linear probes on both data sets, with and without features.

Vanyan et al. (arXiv 2401.00463v2), section 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.local.conditions import LINEAR, NN, setting
from workflow_scripts.studies.local.measured import Measured
from workflow_scripts.studies.local.methods import reconstructs, without
from workflow_scripts.studies.local.table_cells import (
    AS_PUBLISHED,
    as_table,
    datasets_text,
    number_cell,
    of_model,
    published,
    published_value,
    row_cell,
)

NAME = "patch_classification"
ANALYSES = ("patches", "other_patches")
CELLS = [(analysis, rule) for analysis in ANALYSES for rule in (NN, LINEAR)]
PAPERS_REMOVAL = 200


def patch_classification(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 2 and their layout: a row per model, for those that reconstruct another without features.

    Args:
        table: rows of the analyses, in the table contract.
        models: of the run; noise is left out, and models without any number.
    """
    rows, lines, printed = [], [], False
    entries = published("2")
    for model in models:
        every = {analysis: Measured.of(table, model.id, analysis) for analysis in ANALYSES}
        removed = next((own.removed for own in every.values() if own.removed), 0)
        own = of_model(entries, model)
        for count in dict.fromkeys((0, removed if reconstructs(model) else 0)):
            found = [every[analysis].row("miou", rule, without=count) for analysis, rule in CELLS]
            if model.random or not any(found):
                continue
            rows += [row for row in found if row is not None]
            name = without(model.display_name, count) if count else model.display_name
            lines.append((Cell(name, dot=model.supervision), *map(row_cell, found)))
            papers = PAPERS_REMOVAL if count else 0
            values = [
                published_value(own, analysis=analysis, setting=setting(rule, without=papers)) for analysis, rule in CELLS
            ]
            if any(value is not None for value in values):
                printed = True
                method = f"{own[0]['method']} {own[0]['architecture']}"
                said = f"{without(method, papers) if papers else method}, as published"
                lines.append((Cell(said, dot=model.supervision), *map(number_cell, values)))
    made = make_table(as_table(rows, NAME))
    caption = (
        "Patches classified by their nearest training patch (1-NN) and by linear probes: mean IoU of pixels. "
        "MODEL \N{MINUS SIGN} m is without its m features of largest variance."
        f"{AS_PUBLISHED if printed else ''}{datasets_text(made, models)}"
    )
    columns = [Column("Model")]
    for analysis in ANALYSES:
        datasets = dict.fromkeys(made.loc[made["dataset"].isin(table.loc[table["analysis"] == analysis, "dataset"]), "dataset"])
        said = next(iter(datasets), {"patches": "scenes", "other_patches": "other scenes"}[analysis])
        columns += [Column(f"{said}, {rule}", number=True) for rule in ("1-NN", "linear")]
    return made, Fragment(label=NAME, caption=caption, columns=tuple(columns), rows=tuple(lines))
