"""Tables 4 and 5: what the final norm does to the last layer's tokens, as segmentation and as correspondence.

Yu et al. (arXiv 2605.29691v1), section A.11.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.common.table import make_table, of_score
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.studies.segmentation.table_text import datasets_text, percent_text

DIFFERENCE = "after minus before"
SETTINGS = ("before", "after", DIFFERENCE)


def final_norm(name: str, table: pd.DataFrame, models: Sequence[RunModel], before: Score, after: Score) -> pd.DataFrame:
    """Return a score of the last layer's tokens before and after the final norm, and their difference.

    Args:
        name: of the table made.
        table: rows of the analyses, in the table contract.
        models: the models of the run; noise, which has no norm, is left out.
        before: the score of the tokens before the norm.
        after: that of the tokens after it.

    Returns:
        The table contract: rows of setting "before", "after" and "after minus before", in the order of `models`. The difference
        has no interval: both sides rest on the same images.
    """
    rows = []
    for model in models:
        own = table[(table["model"] == model.id) & (table["layer"] == model.layers)]
        sides = [of_score(own, score) for score in (before, after)]
        if model.random or any(side.empty for side in sides):
            continue
        first, last = (side.iloc[0].to_dict() for side in sides)
        difference = {"value": last["value"] - first["value"], "ci_low": None, "ci_high": None}
        rows += [row | {"setting": side} for side, row in zip(SETTINGS, (first, last, last | difference), strict=True)]
    return make_table([row | {"study": "segmentation", "analysis": name} for row in rows])


def final_norm_fragment(name: str, measured: str, table: pd.DataFrame, models: Sequence[RunModel]) -> Fragment:
    """Lay out `final_norm`: models down; before, after, difference across, in percent as the study prints them.

    Args:
        name: of the table.
        measured: what the numbers are, in sentences.
        table: from `final_norm`.
        models: the models of the run.
    """
    rows = []
    for model in models:
        values = table[table["model"] == model.id].set_index("setting")["value"]
        if not model.random:
            texts = [percent_text(values.get(setting), signed=setting == DIFFERENCE) for setting in SETTINGS]
            rows.append((Cell(model.display_name, dot=model.supervision), *map(Cell, texts)))
    caption = f"{measured} {datasets_text(table, models)}"
    columns = (Column("Model"), *(Column(heading, number=True) for heading in ("Before", "After", "Difference")))
    return Fragment(label=name, caption=caption, columns=columns, rows=tuple(rows))
