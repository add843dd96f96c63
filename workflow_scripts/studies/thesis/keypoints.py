"""Key-point transfer at every layer, from predicted points to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.metrics.keypoint_scores import correct, pck
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, score_row

RULE_NAMES = {"pooled_by_category": "thesis rule", "per_point": "per-point rule"}


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield PCK of every layer by both rules (`keypoint_rows`)."""
    pairs = passes["pairs"]
    truth, facts = pairs.truth("pairs")
    for row in keypoint_rows(pairs.state("matched_keypoints"), truth, facts["categories"], settings["alphas"], seed):
        yield {**row, "dataset": pairs.dataset}


def keypoint_rows(
    found: Mapping[str, np.ndarray],
    pairs: Mapping[str, np.ndarray],
    categories: Sequence[str],
    alphas: Sequence[float],
    seed: int,
) -> list[Row]:
    """Return PCK of every layer by both rules, overall and per category, with intervals over categories or pairs.

    Args:
        found: predicted (x, y) by rule, [K, L, 2] (`onepass.matched_keypoints`).
        pairs: arrays of `data.ground_truth.keypoint_pairs`.
        categories: names of the categories, in the order of their indices.
        alphas: shares of the target object's size that a prediction may be off.
        seed: of the resampling.
    """
    pair = pairs["point_pair"]
    names = np.array(categories)[pairs["pair_category"][pair]]
    rows = []
    for rule, setting in RULE_NAMES.items():
        for alpha in alphas:
            hits = correct(found[rule], pairs["point_target"], pairs["pair_size"][pair], alpha, rule)
            for category, share in pck(hits, names, pair, rule, seed).items():
                where = f"{setting}, {category}" if category else setting
                rows += [
                    score_row(layer, "token", f"pck_{alpha:g}", where, value, share.points, share.low[layer], share.high[layer])
                    for layer, value in enumerate(share.value)
                ]
    return rows
