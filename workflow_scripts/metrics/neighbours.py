"""Weighted k-nearest-neighbour classification of frozen features."""

from __future__ import annotations

import numpy as np

TEMPERATURE = 0.07


def knn_votes(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    k: int,
    n_classes: int,
    temperature: float = TEMPERATURE,
    chunk: int = 1024,
) -> np.ndarray:
    """Return the class scores of each query by weighted vote of its nearest neighbours in the bank, [n, n_classes].

    Features are L2-normalised; the k most similar bank items vote for their class with weight exp(similarity / T)
    (Caron et al. 2021, DINO, section 4.2; Wu et al. 2018).

    Args:
        bank: [m, D] features; m at least 1. With fewer than k items all of them vote.
        bank_labels: [m] class indices in [0, n_classes).
        queries: [n, D] features.
        k: number of neighbours.
        n_classes: number of classes.
        temperature: T of the vote.
        chunk: queries handled at once; bounds the memory to chunk x m similarities.
    """
    bank, queries = _unit(bank), _unit(queries)
    k = min(k, len(bank))
    scores = np.zeros((len(queries), n_classes))
    for start in range(0, len(queries), chunk):
        similarity = queries[start : start + chunk] @ bank.T
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        weight = np.exp(np.take_along_axis(similarity, nearest, 1).astype(np.float64) / temperature)
        rows = np.repeat(np.arange(len(similarity)), k) + start
        np.add.at(scores, (rows, bank_labels[nearest].ravel()), weight.ravel())
    return scores


def top1_correct(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return [n] bool: the class with the highest score is the label (ties: the smallest class index wins)."""
    return scores.argmax(1) == labels


def _unit(features: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norm, 1e-12)
