"""Clustering of features at every layer, as rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workflow_scripts.metrics.clustering import clustering_scores, kmeans_partition

CLUSTER_DRAWS = 200  # resamples of images; three scores of every layer and facet


def clustering_rows(
    features: np.ndarray,
    labels: np.ndarray,
    images: np.ndarray,
    clusters: int,
    restarts: int,
    seed: int,
    **columns: Any,
) -> list[dict[str, Any]]:
    """Return purity, NMI and ARI of k-means partitions of every layer, as rows of a table.

    Args:
        features: [n, L, D], as the model gives them.
        labels: [n] true categories.
        images: [n] image of each sample; intervals resample images.
        clusters: k.
        restarts: of k-means.
        seed: of k-means and of the resampling.
        columns: further columns of the rows.
    """
    rows = []
    for layer in range(features.shape[1]):
        partition = kmeans_partition(features[:, layer], clusters, seed, restarts)
        scores = clustering_scores(labels, partition, images, CLUSTER_DRAWS, seed)
        for metric, (value, low, high) in scores.items():
            rows.append(
                {
                    "layer": layer + 1,
                    "metric": metric,
                    "value": value,
                    "n": len(labels),
                    "ci_low": low,
                    "ci_high": high,
                    "unit": "share",
                    "higher_is_better": True,
                    **columns,
                }
            )
    return rows
