"""Figure 5b as a table: what single patch tokens say of their place and pixels.

Darcet et al. (arXiv 2309.16588v2), section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.registers.conditions import (
    EVERY,
    HIGH,
    NORMAL,
    PIXEL_ERROR,
    POSITION_ACCURACY,
    POSITION_DISTANCE,
)
from workflow_scripts.studies.registers.measured import Measured
from workflow_scripts.studies.registers.table_cells import (
    as_table,
    data_text,
    name_cell,
    number_cell,
    of_model,
    published,
    published_name_cell,
    row_cell,
)

NAME = ANALYSIS = "local_information"
METRICS = {  # metric -> heading, factor, decimals
    POSITION_ACCURACY: ("Position found, %", 100, 1),
    POSITION_DISTANCE: ("Distance from it, patches", 1, 2),
    PIXEL_ERROR: ("Error of pixels, L2", 1, 2),
}


def local_information_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Figure 5b and their layout: a row per model and kind of patch, below them what the paper printed.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    rows, lines, printed = [], [], False
    for model in models:
        measured = Measured.of(table, model.id, ANALYSIS)
        if model.random or not measured.last:
            continue
        for kind in (NORMAL, HIGH, EVERY):
            found = {metric: measured.row(metric, kind) for metric in METRICS}
            if not any(found.values()):
                continue
            rows += [row for row in found.values() if row is not None]
            cells = (row_cell(row, METRICS[metric][2], METRICS[metric][1]) for metric, row in found.items())
            lines.append((name_cell(model), Cell(kind), *cells))
        entries = of_model(published("5b"), model)
        printed = printed or bool(entries)
        for kind in dict.fromkeys(one["kind"] for one in entries):
            values = {one["metric"]: one["value"] for one in entries if one["kind"] == kind}
            cells = (
                number_cell(factor * values[metric] if metric in values else None, decimals)
                for metric, (_, factor, decimals) in METRICS.items()
            )
            lines.append((published_name_cell(model), Cell(kind), *cells))
    columns = [Column("Model"), Column("Patches"), *(Column(heading, number=True) for heading, _, _ in METRICS.values())]
    made = make_table(as_table(rows, NAME))
    caption = (
        "Linear models on single patch tokens of the last layer, on other images than they were trained on: position of the "
        "patch among all of the grid, distance of the one found from it, and distance of the pixels predicted from the "
        "normalised pixels."
    )
    if printed:
        caption += " As published: numbers of the paper, which does not say how it measures pixels."
    return made, Fragment(label=NAME, caption=caption + data_text(made, models), columns=tuple(columns), rows=tuple(lines))
