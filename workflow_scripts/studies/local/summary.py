"""The study's tables for reading: Tables 2 to 6. Table 1, of how the models were trained, is lost in the stored text.

Vanyan et al. (arXiv 2401.00463v2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.report.fragments import Fragment
from workflow_scripts.studies.local.context_table import context_table
from workflow_scripts.studies.local.patch_classification import patch_classification
from workflow_scripts.studies.local.patch_statistics import patch_statistics
from workflow_scripts.studies.local.reconstruction_table import reconstruction_table
from workflow_scripts.studies.local.tiles_table import tiles_table

_TABLES = (patch_classification, patch_statistics, reconstruction_table, tiles_table, context_table)


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
