"""k-NN classification at every layer, from stored features to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.neighbours import Rows, nearest_neighbours, vote, without_self
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, score_row


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the accuracy of classifying the queries by the bank (`knn_rows`)."""
    bank, queries = passes["bank"], passes["queries"]
    # The classes of both datasets by name: their numbers may differ.
    names = [one.samples["class"] for one in (bank, queries)]
    classes = np.unique(np.concatenate(names))
    found = knn_rows(
        bank.rows("pooled_features", "cls"),
        queries.rows("pooled_features", "cls"),
        *(np.searchsorted(classes, name.to_numpy(str)) for name in names),
        settings["neighbours"],
        seed,
        same=bank.dataset == queries.dataset,
    )
    for row in found:
        yield {**row, "dataset": queries.dataset}


def knn_rows(
    bank: Rows,
    queries: Rows,
    bank_labels: np.ndarray,
    labels: np.ndarray,
    neighbours: Sequence[int],
    seed: int,
    same: bool = False,
) -> list[Row]:
    """Return top-1 and top-5 accuracy of the weighted k-NN classifier at every layer and k, with intervals over queries.

    Args:
        bank: [m, L, D] features.
        queries: [n, L, D] features.
        bank_labels: [m] class indices.
        labels: [n] class indices.
        neighbours: the k.
        seed: of the resampling.
        same: whether both are the same images in the same order: none then votes for itself.
    """
    similarity, index = nearest_neighbours(bank, queries, max(neighbours) + same)
    if same:
        similarity, index = without_self(similarity, index, max(neighbours))
    n_classes = int(max(bank_labels.max(), labels.max())) + 1
    rows = []
    for layer in range(len(similarity)):
        votes = vote(similarity[layer], bank_labels[index[layer]], labels, neighbours, n_classes)
        for k, both in votes.items():
            for metric, hits in zip(("knn_top1", "knn_top5"), both, strict=True):
                low, high = bootstrap_means(hits[:, None].astype(float), seed=seed)
                rows.append(score_row(layer, "cls", metric, f"k = {k}", float(hits.mean()), len(hits), low[0], high[0]))
    return rows
