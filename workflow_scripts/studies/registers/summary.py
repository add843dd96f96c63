"""The study's tables for reading: Tables 1 and 3, the numbers of Figure 5b, and what CorLoc depends on.

Darcet et al. (arXiv 2309.16588v2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.report.fragments import Fragment
from workflow_scripts.studies.registers.choices_table import choices_table
from workflow_scripts.studies.registers.corloc_table import corloc_table
from workflow_scripts.studies.registers.local_information_table import local_information_table
from workflow_scripts.studies.registers.one_token_table import one_token_table

_TABLES = (one_token_table, local_information_table, corloc_table, choices_table)


def tables(
    table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]
) -> Iterator[tuple[pd.DataFrame, Fragment]]:
    """Yield each table of the study with its layout for reading.

    Args:
        table: rows of the analyses that the summary reads, in the table contract.
        models: the models of the run.
        scores: the study's, by name; rows of this study are named by their conditions instead.
    """
    for make in _TABLES:
        yield make(table, models)
