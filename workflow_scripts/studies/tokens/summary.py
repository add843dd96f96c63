"""The study's table for reading: Table 1, what the final norm does to the feed-forward output.

Kaltampanidis et al. (arXiv 2509.15272v1), section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.report.fragments import Fragment
from workflow_scripts.studies.tokens.token_norm import token_norm, token_norm_fragment


def tables(
    table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]
) -> Iterator[tuple[pd.DataFrame, Fragment]]:
    """Yield each table of the study with its layout for reading.

    Args:
        table: rows of the analyses that the summary reads, in the table contract.
        models: the models of the run.
        scores: the study's, by name; rows of this study are named by their decisions instead.
    """
    rows = token_norm(table, models)
    yield rows, token_norm_fragment(rows, models)
