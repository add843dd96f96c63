"""Clustering of features at every layer, as rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workflow_scripts.metrics.clustering import clustering_scores, kmeans_partition
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row

CLUSTER_DRAWS = 200  # resamples of images; three scores of every layer and facet


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield the scores of clusters of images, objects and parts, the latter from normal and from dense features."""
    common = {"restarts": settings["restarts"], "seed": seed}
    if "images" in passes:
        images = passes["images"]
        pooled, labels = images.state("pooled_features"), images.samples["label"].to_numpy()
        for facet in ("cls", "mean_patch"):
            columns = {"facet": facet, "setting": "normal", "dataset": images.dataset}
            each = np.arange(len(labels))
            yield from clustering_rows(pooled[facet], labels, each, settings["image_clusters"], **common, **columns)
    for kind in ("object", "part"):
        for setting in ("normal", "dense"):
            if (ask := f"{kind}_{setting}") in passes:
                features = passes[ask].state("region_features")[kind]
                masks, _ = passes[ask].truth("masks")
                truth, of_image = masks[f"{kind}_label"], masks[f"{kind}_image"]
                columns = {"facet": kind, "setting": setting, "dataset": passes[ask].dataset}
                yield from clustering_rows(features, truth, of_image, settings[f"{kind}_clusters"], **common, **columns)


def clustering_rows(
    features: np.ndarray,
    labels: np.ndarray,
    images: np.ndarray,
    clusters: int,
    restarts: int,
    seed: int,
    **columns: Any,
) -> list[Row]:
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
