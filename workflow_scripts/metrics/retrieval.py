"""Image retrieval by the rules of the revisited Oxford and Paris benchmarks.

Radenović et al., "Revisiting Oxford and Paris" (CVPR 2018, arXiv 1803.11285, section 3.3): per query the database images are
easy, hard, junk or negative; a setup says which of them must be found, junk is taken out of the ranking before it is scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RANKS = (1, 5, 10)


def protocol(easy: np.ndarray, hard: np.ndarray, junk: np.ndarray, setup: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (positives, junk) of a query, database indices, for ``easy``, ``medium`` or ``hard``.

    Easy counts the easy images and ignores the hard ones; medium counts both; hard counts the hard and ignores the easy ones.
    """
    match setup:
        case "easy":
            return np.asarray(easy), np.concatenate([junk, hard])
        case "medium":
            return np.concatenate([easy, hard]), np.asarray(junk)
        case "hard":
            return np.asarray(hard), np.concatenate([junk, easy])
    raise ValueError(f"setup '{setup}'; expected easy, medium or hard")


def rank(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Return database indices by descending cosine similarity, [q, n]; of equals the smaller index comes first.

    Args:
        queries: [q, D] features, any float type; computed in float64.
        database: [n, D] features.
    """
    return np.argsort(-(_unit(queries) @ _unit(database).T), axis=1, kind="stable")


def average_precision(ranks: np.ndarray) -> float:
    """Return average precision, in [0, 1]: the area under the precision-recall curve by trapezoids.

    Args:
        ranks: [p] ranks of all positives, ascending from 0, counted without junk. NaN without positives.
    """
    ranks = np.asarray(ranks)
    if not len(ranks):
        return float("nan")
    found = np.arange(len(ranks))
    after = (found + 1) / (ranks + 1)
    before = np.where(ranks == 0, 1.0, found / np.maximum(ranks, 1))
    return float(((before + after) / 2).mean())


def evaluate_query(
    order: np.ndarray, positives: np.ndarray, junk: np.ndarray, ks: Sequence[int] = RANKS
) -> tuple[float, dict[int, float]]:
    """Return (average precision, {k: precision at k}) of one query, each in [0, 1]; NaN without positives.

    Precision at k looks at no more ranks than it takes to find all positives: at min(k, rank of the last positive).

    Args:
        order: [n] all database indices, most similar first.
        positives: database indices that must be found.
        junk: database indices that are taken out of the ranking.
        ks: the k.
    """
    if not len(positives):
        return float("nan"), dict.fromkeys(ks, float("nan"))
    is_positive, is_junk = np.zeros((2, len(order)), dtype=bool)
    is_positive[positives] = True
    is_junk[np.asarray(junk, dtype=np.int64)] = True
    ranks = np.flatnonzero(is_positive[order[~is_junk[order]]])
    last = {k: min(k, ranks[-1] + 1) for k in ks}
    return average_precision(ranks), {k: float((ranks < last[k]).sum() / last[k]) for k in ks}


def evaluate(
    order: np.ndarray, truths: Sequence[tuple[np.ndarray, np.ndarray]], ks: Sequence[int] = RANKS
) -> tuple[np.ndarray, int]:
    """Return (scores [q, 1 + len(ks)], number of queries that count): average precision, then precision at each k.

    Queries without positives are NaN and do not count; the benchmark's mAP and mP@k are `np.nanmean` over queries.

    Args:
        order: [q, n] from `rank`.
        truths: (positives, junk) of each query, from `protocol`.
        ks: the k.
    """
    scores = np.empty((len(order), 1 + len(ks)))
    for query, (positives, junk) in enumerate(truths):
        ap, precision = evaluate_query(order[query], positives, junk, ks)
        scores[query] = [ap, *precision.values()]
    return scores, int((~np.isnan(scores[:, 0])).sum())


def _unit(features: np.ndarray) -> np.ndarray:
    features = features.astype(np.float64)
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(norm > 0, norm, 1)
