"""Table 1: classes told by a single token of an image.

Darcet et al. (arXiv 2309.16588v2), section 2.2 and Table 6.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.table import make_table
from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.studies.registers.conditions import CLASS_ACCURACY, CLASS_DEVIATION, CLS, HIGH, NORMAL, of_all_images
from workflow_scripts.studies.registers.measured import Measured
from workflow_scripts.studies.registers.table_cells import (
    Entry,
    as_table,
    data_text,
    name_cell,
    of_model,
    percent_cell,
    published,
    published_name_cell,
    row_cell,
)

NAME, ANALYSIS = "one_token", "classification"
KINDS = {NORMAL: "Normal patch", HIGH: "High-norm patch", CLS: "CLS"}


def one_token_table(table: pd.DataFrame, models: Sequence[RunModel]) -> tuple[pd.DataFrame, Fragment]:
    """Return the rows of Table 1 and their layout: a row per model and dataset, below it those that the paper printed.

    Args:
        table: rows of the analysis, in the table contract.
        models: of the run.
    """
    rows, lines, printed = [], [], False
    for model in models:
        measured = Measured.of(table, model.id, ANALYSIS)
        if model.random or not measured.datasets:
            continue
        for dataset in measured.datasets:
            every = measured.row(CLASS_ACCURACY, HIGH, dataset=dataset) is None
            cells = []
            for kind in KINDS:
                setting = of_all_images(kind) if every else kind
                row = measured.row(CLASS_ACCURACY, setting, dataset=dataset)
                spread = measured.row(CLASS_DEVIATION, setting, dataset=dataset)
                rows += [one for one in (row, spread) if one is not None]
                cells.append(row_cell(row, note=_spread(None if spread is None else spread["value"])))
            images = "all" if every else "with a high-norm token"
            lines.append((name_cell(model), Cell(dataset), Cell(images), *cells))
        entries = of_model(published("1"), model)
        printed = printed or bool(entries)
        lines += [_as_published(model, name, entries) for name in dict.fromkeys(one["dataset"] for one in entries)]
    columns = [Column("Model"), Column("Dataset"), Column("Images")]
    columns += [Column(name, number=True) for name in KINDS.values()]
    made = make_table(as_table(rows, NAME))
    caption = (
        "Accuracy in percent of logistic regressions to the class of an image on one of its tokens of the last layer; a patch "
        "is drawn at random, in parentheses the standard deviation over draws. Images without a high-norm token are left out; "
        "models without any are measured on all images."
    )
    if printed:
        caption += " As published: numbers of the paper, which does not say what it does with images without one."
    return made, Fragment(label=NAME, caption=caption + data_text(made, models), columns=tuple(columns), rows=tuple(lines))


def _as_published(model: RunModel, dataset: str, entries: Sequence[Entry]) -> tuple[Cell, ...]:
    own = {one["kind"]: one for one in entries if one["dataset"] == dataset}
    cells = (percent_cell(own[kind]["value"], _spread(own[kind].get("sd"))) if kind in own else Cell(MISSING) for kind in KINDS)
    return (published_name_cell(model), Cell(dataset), Cell("not said"), *cells)


def _spread(deviation: float | None) -> str:
    return "" if deviation is None else f"{100 * deviation:.1f}"
