"""The study's tables for reading: Table 3 (best correspondence), Tables 4 and 5 (what the final norm does).

Yu et al. (arXiv 2605.29691v1), sections A.7 and A.11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Score
from workflow_scripts.report.fragments import Fragment
from workflow_scripts.studies.segmentation.best_key_points import best_key_points, best_key_points_fragment
from workflow_scripts.studies.segmentation.final_norm import final_norm, final_norm_fragment
from workflow_scripts.studies.segmentation.table_text import PER_POINT

# Name -> score of tokens after the norm, which "_raw" makes that before it, and what the numbers are.
_NORMS = {
    "final_norm": (
        "miou_token",
        "Mean IoU of clusters of the last layer's tokens with classes, in percent, before and after the final norm. Codebooks "
        "are fitted to each.",
    ),
    "final_norm_key_points": (
        "pck_token",
        "Keypoints found by the last layer's tokens, in percent by the per-point rule, before and after the final norm. "
        f"{PER_POINT}",
    ),
}


def tables(
    table: pd.DataFrame, models: Sequence[RunModel], scores: Mapping[str, Score]
) -> Iterator[tuple[pd.DataFrame, Fragment]]:
    """Yield each table of the study with its layout for reading.

    Args:
        table: rows of the analyses that the summary reads, in the table contract.
        models: the models of the run.
        scores: the study's, by name.
    """
    best = best_key_points(table, models, scores)
    yield best, best_key_points_fragment(best, models)
    for name, (score, measured) in _NORMS.items():
        norm = final_norm(name, table, models, scores[f"{score}_raw"], scores[score])
        yield norm, final_norm_fragment(name, measured, norm, models)
