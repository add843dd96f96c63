"""Key points of one image found among the pixels of another, at every layer and facet, as rows of a table.

Yu et al. (arXiv 2605.29691v1), section A.7: PCK "bbox, per point". Facets: key, query, value and token; `token` is the block's
output, in the last layer after the final norm, and `token_raw` that of the last layer before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.keypoint_scores import correct, pck
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, score_row
from workflow_scripts.studies.segmentation.clustering import RAW

RULE_NAMES = {"per_point": "per-point rule", "per_image": "per-image rule"}
_EMBEDDINGS = {"key": "key", "query": "query", "value": "value", "token": "token_normed", RAW: "token"}


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield PCK of every layer and facet by both rules (`keypoint_rows`)."""
    pairs = passes["pairs"]
    truth, _ = pairs.truth("pairs")
    for row in keypoint_rows(pairs.state("matched_pixels"), truth, settings["alpha"], seed):
        yield {**row, "dataset": pairs.dataset}


def keypoint_rows(found: Mapping[str, np.ndarray], pairs: Mapping[str, np.ndarray], alpha: float, seed: int) -> Iterator[Row]:
    """Yield PCK of every layer and facet by both rules, with intervals over pairs; `token_raw` of the last layer alone.

    Args:
        found: predicted (x, y) in pixels of the crop by embedding, [P, L, 2] (`onepass.matched_pixels`).
        pairs: arrays of `data.ground_truth.keypoint_pairs`.
        alpha: share of the larger side of the target object's box that a prediction may be off.
        seed: of the resampling.
    """
    pair = pairs["point_pair"]
    together = np.zeros(len(pair), np.int8)  # categories are no rows of this study
    for facet, embedding in _EMBEDDINGS.items():
        for rule, setting in RULE_NAMES.items():
            hits = correct(found[embedding], pairs["point_target"], pairs["pair_size"][pair], alpha, rule)
            share = pck(hits, together, pair, rule, seed)[""]
            for layer in range(len(share.value))[-1 if facet == RAW else 0 :]:
                ends = share.low[layer], share.high[layer]
                yield score_row(layer, facet, "pck", setting, share.value[layer], share.points, *ends)
