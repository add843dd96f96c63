"""Words and numbers that the study's tables for reading have in common."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from workflow_scripts.common.run_model import RunModel
from workflow_scripts.report.fragments import MISSING

# The rule of Tables 3 and 5, of the two that the analysis has; the share that a prediction may be off is a setting of it.
PER_POINT = (
    "A prediction is right within a share of the larger side of the object's box (0.1 in the study's protocol), and the points "
    "of all pairs count alike."
)


def percent_text(share: float | None, signed: bool = False) -> str:
    """Return a share in percent with two decimals, as the study prints them; a dash for None."""
    if share is None:
        return MISSING
    return f"{100 * share:{'+' if signed else ''}.2f}".replace("-", "\N{MINUS SIGN}")


def datasets_text(table: pd.DataFrame, models: Sequence[RunModel]) -> str:
    """Return the end of a caption: the datasets measured on, and whether these are of the demo world."""
    datasets = ", ".join(dict.fromkeys(table["dataset"])) or "none"
    return f"Dataset: {datasets}." + (" In the demo world." if any(model.demo for model in models) else "")
