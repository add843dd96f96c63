"""k-NN classification at every layer, from stored features to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.neighbours import Rows, nearest_neighbours, vote
from workflow_scripts.studies.rows import score_row


def knn_rows(
    bank: Rows, queries: Rows, bank_labels: np.ndarray, labels: np.ndarray, neighbours: Sequence[int], seed: int
) -> list[dict[str, Any]]:
    """Return top-1 and top-5 accuracy of the weighted k-NN classifier at every layer and k, with intervals over queries.

    Args:
        bank: [m, L, D] features.
        queries: [n, L, D] features.
        bank_labels: [m] class indices.
        labels: [n] class indices.
        neighbours: the k.
        seed: of the resampling.
    """
    similarity, index = nearest_neighbours(bank, queries, max(neighbours))
    n_classes = int(max(bank_labels.max(), labels.max())) + 1
    rows = []
    for layer in range(len(similarity)):
        votes = vote(similarity[layer], bank_labels[index[layer]], labels, neighbours, n_classes)
        for k, both in votes.items():
            for metric, hits in zip(("knn_top1", "knn_top5"), both, strict=True):
                low, high = bootstrap_means(hits[:, None].astype(float), seed=seed)
                rows.append(score_row(layer, "cls", metric, f"k = {k}", float(hits.mean()), len(hits), low[0], high[0]))
    return rows
