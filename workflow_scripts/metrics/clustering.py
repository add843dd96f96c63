"""How well k-means clusters of frozen features match known classes: purity, NMI, ARI.

The protocol is that of Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862, section 5.1): raw features, Euclidean
k-means, clusters named by their majority class. The number of restarts is said here, because scikit-learn's default for it
changed (10 up to 1.3, 1 since 1.4).
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.sparse import csr_array
from scipy.special import xlogy
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from threadpoolctl import threadpool_limits

from workflow_scripts.common.errors import AtlasError

RESTARTS = 10
LEVEL = 0.95


def kmeans_partition(features: np.ndarray, k: int, seed: int, restarts: int = RESTARTS) -> np.ndarray:
    """Return the cluster of each sample, [n] int32 in [0, k): Euclidean k-means, k-means++, the best of `restarts`.

    Runs on one thread, so that the order of sums, and with it the partition, depends on the seed alone. Half precision is
    widened to float32. Features with fewer than k distinct values use fewer clusters.

    Args:
        features: [n, D], not normalised.
        k: number of clusters.
        seed: seed of the starts.
        restarts: number of starts; the partition of least inertia is kept.

    Raises:
        AtlasError: k is larger than n.
    """
    if k > len(features):
        raise AtlasError(f"k-means: k = {k} clusters of n = {len(features)} samples; lower k or use more images")
    features = np.ascontiguousarray(features, np.promote_types(features.dtype, np.float32))
    kmeans = KMeans(k, init="k-means++", n_init=restarts, algorithm="lloyd", random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Number of distinct clusters", ConvergenceWarning)
        return kmeans.fit(features).labels_


def winner_is_label(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return for each sample whether its label is the majority label of its cluster, [n] bool.

    Args:
        true: [n] labels, any integers.
        predicted: [n] clusters, any integers.

    Returns:
        [n]; where labels are equally frequent in a cluster the smallest of them is its winner.
    """
    labels, label = np.unique(true, return_inverse=True)
    clusters, cluster = np.unique(predicted, return_inverse=True)
    counts = np.zeros((len(clusters), len(labels)), dtype=np.int64)
    np.add.at(counts, (cluster, label), 1)
    return counts.argmax(1)[cluster] == label


def purity(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of samples whose label is the majority label of their cluster, in (0, 1]."""
    return float(winner_is_label(true, predicted).mean())


def nmi(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return normalised mutual information (arithmetic mean of the entropies), in [0, 1]."""
    return float(normalized_mutual_info_score(true, predicted, average_method="arithmetic"))


def ari(true: np.ndarray, predicted: np.ndarray) -> float:
    """Return the adjusted Rand index, in [-0.5, 1]; 0 on average for independent partitions."""
    return float(adjusted_rand_score(true, predicted))


def clustering_scores(
    true: np.ndarray, predicted: np.ndarray, groups: np.ndarray, draws: int = 1000, seed: int = 0
) -> dict[str, tuple[float, float, float]]:
    """Return {"purity", "nmi", "ari": (value, low, high)} with 95 % bootstrap intervals over groups.

    Groups (images; all objects of an image stay together) are drawn with replacement; the partition and the clusters' winners
    stay as they are. Copies of a sample always share label and cluster, which lifts NMI and ARI of every resample, most where
    the partition knows nothing; so their percentiles are moved by the difference of the value and the resamples' mean. The
    intervals say how much the value would vary, not how far it is from that of infinitely many images. NaN with one group.

    Args:
        true: [n] labels, any integers.
        predicted: [n] clusters, any integers.
        groups: [n] what is resampled, any integers or names.
        draws: number of resamples.
        seed: seed of the resampling.
    """
    values = {"purity": purity(true, predicted), "nmi": nmi(true, predicted), "ari": ari(true, predicted)}
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return {metric: (value, np.nan, np.nan) for metric, value in values.items()}
    weights = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    cells, cell = np.unique(np.stack([true, predicted]), axis=1, return_inverse=True)
    correct = winner_is_label(true, predicted).astype(np.float64)
    ones = np.ones(len(group))
    size = _sums(ones, group, np.zeros_like(group), (len(names), 1))
    right = _sums(correct, group, np.zeros_like(group), (len(names), 1))
    counts = (_sums(ones, group, cell, (len(names), cells.shape[1])).T @ weights.T).T
    resampled = {
        "purity": ((weights @ right) / (weights @ size))[:, 0],
        "nmi": contingency_nmi(cells, counts),
        "ari": contingency_ari(cells, counts),
    }
    scores = {}
    for metric, value in values.items():
        drawn = resampled[metric]
        low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        shift = 0.0 if metric == "purity" else value - drawn.mean()
        scores[metric] = (value, float(low + shift), float(high + shift))
    return scores


def contingency_nmi(cells: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return `nmi` of each of several contingency tables with the same cells, [draws].

    Args:
        cells: [2, m] label and cluster of the cells that are not empty in every table.
        counts: [draws, m] samples in each cell, not negative, at least one sample per table.
    """
    share = counts / counts.sum(1, keepdims=True)
    of_labels, of_clusters = (_marginal(share, names) for names in cells)
    label, cluster, joint = (-xlogy(p, p).sum(1) for p in (of_labels, of_clusters, share))
    mean = (label + cluster) / 2
    # Two partitions of one part each agree: scikit-learn's 1.
    return np.divide(label + cluster - joint, mean, out=np.ones_like(mean), where=mean > 0).clip(0, 1)


def contingency_ari(cells: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return `ari` of each of several contingency tables with the same cells, [draws].

    Args:
        cells: [2, m] label and cluster of the cells that are not empty in every table.
        counts: [draws, m] samples in each cell, not negative, at least one sample per table.
    """
    label, cluster = ((_marginal(counts, names) ** 2).sum(1) for names in cells)
    joint, n = (counts**2).sum(1), counts.sum(1)
    # Ordered pairs of samples, by whether they share the label, the cluster, both.
    both, same_label, same_cluster, pairs = joint - n, label - n, cluster - n, n * n - n
    expected = np.divide(same_label * same_cluster, pairs, out=np.zeros_like(both), where=pairs > 0)
    room = (same_label + same_cluster) / 2 - expected
    return np.divide(both - expected, room, out=np.ones_like(room), where=(label != joint) | (cluster != joint))


def _marginal(counts: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return [draws, number of names] sums of `counts` [draws, m] over the cells of each name."""
    _, index = np.unique(names, return_inverse=True)
    member = _sums(np.ones(len(index)), np.arange(len(index)), index, (len(index), index.max() + 1))
    return (member.T @ counts.T).T


def _sums(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> csr_array:
    return csr_array((values, (rows, columns)), shape)
