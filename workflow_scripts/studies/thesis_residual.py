"""Norm ratios of residual connections, from the statistics of a pass to a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), appendix (section 2.7.5.4 of the thesis).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workflow_scripts.common.table import make_table
from workflow_scripts.metrics.intervals import bootstrap_means

TOKENS = ("cls", "spatial", "all")


def residual_table(ratios: Mapping[str, np.ndarray], dataset: str, model: str, seed: int) -> pd.DataFrame:
    """Return the mean norm ratio of skip connection and branch of every layer, with intervals over images.

    Args:
        ratios: arrays of the collector residual_ratio, [n, L] by branch and selection of tokens.
        dataset: id of the dataset.
        model: id of the model.
        seed: of the resampling.
    """
    rows = []
    for facet in ("attention", "mlp"):
        for tokens in TOKENS:
            values = ratios[f"{facet}_{tokens}"].astype(np.float64)
            low, high = bootstrap_means(values, seed=seed)
            rows += [
                {
                    "layer": layer + 1,
                    "facet": facet,
                    "setting": tokens,
                    "value": value,
                    "ci_low": low[layer],
                    "ci_high": high[layer],
                    "n": len(values),
                }
                for layer, value in enumerate(values.mean(0))
            ]
    columns = {"study": "thesis", "analysis": "residual", "dataset": dataset, "model": model}
    return make_table(rows, **columns, metric="skip_branch_ratio", unit="ratio")
