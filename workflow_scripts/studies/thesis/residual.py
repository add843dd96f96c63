"""Norm ratios of residual connections, from the statistics of a pass to a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), appendix (section 2.7.5.4 of the thesis).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, mean_rows

TOKENS = ("cls", "spatial", "all")


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the mean norm ratio of skip connection and branch of every layer, with intervals over images."""
    images = passes["images"]
    ratios = images.state("residual_ratio")
    for facet in ("attention", "mlp"):
        for tokens in TOKENS:
            columns = {"facet": facet, "setting": tokens, "unit": "ratio", "dataset": images.dataset}
            yield from mean_rows(ratios[f"{facet}_{tokens}"].astype(np.float64), "skip_branch_ratio", seed, **columns)
