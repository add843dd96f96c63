"""Image retrieval at every layer, from stored features to rows of a table.

Walmer et al., "Teaching Matters" (CVPR 2023, arXiv 2212.03862), section 5.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.reader import Judgement
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.metrics.retrieval import RANKS, evaluate, protocol, rank
from workflow_scripts.studies.passes import Passes
from workflow_scripts.studies.rows import Row, score_row

SETUPS = ("easy", "medium", "hard")


def rows(passes: Passes, settings: Mapping[str, Any], seed: int) -> Iterator[Row]:
    """Yield mAP and mP@k of every layer (`retrieval_rows`).

    Raises:
        AtlasError: no query has a right answer.
    """
    images = passes["images"]
    row_of = {int(position): row for row, position in enumerate(images.samples["position"])}
    database = [row_of[position] for position in images.reader.database() if position in row_of]
    judged = kept_judgements(images.reader.judgements(), row_of)
    found = retrieval_rows(images.state("pooled_features")["cls"], database, judged, seed)
    if not found:
        raise AtlasError(f"dataset '{images.dataset}': no query has a right answer in the database; check its ground truth")
    for row in found:
        yield {**row, "dataset": images.dataset}


def retrieval_rows(features: np.ndarray, database: Sequence[int], judged: Sequence[Judgement], seed: int) -> list[Row]:
    """Return mAP and mP@k of every layer in the three set-ups, with intervals over queries.

    Args:
        features: [n, L, D] of all samples.
        database: samples that are searched.
        judged: the queries; all positions are samples.
        seed: of the resampling.
    """
    place = {sample: i for i, sample in enumerate(database)}
    truths = {
        setup: [
            protocol(*(np.array([place[s] for s in found], dtype=int) for found in (q.easy, q.hard, q.junk)), setup)
            for q in judged
        ]
        for setup in SETUPS
    }
    metrics = ("mean_average_precision", *(f"mean_precision_at_{k}" for k in RANKS))
    rows = []
    for layer in range(features.shape[1]):
        order = rank(features[[q.query for q in judged], layer], features[list(database), layer])
        for setup, truth in truths.items():
            scores, counted = evaluate(order, truth)
            if not counted:
                continue
            scores = scores[~np.isnan(scores[:, 0])]
            low, high = bootstrap_means(scores, seed=seed)
            rows += [
                score_row(layer, "cls", metric, setup, value, counted, low[i], high[i])
                for i, (metric, value) in enumerate(zip(metrics, scores.mean(0), strict=True))
            ]
    return rows


def kept_judgements(judged: Sequence[Judgement], row_of: Mapping[int, int]) -> list[Judgement]:
    """Return the queries in rows of the samples table, without images that were skipped.

    Args:
        judged: queries, as positions in the dataset.
        row_of: position -> row.
    """
    kept = []
    for judgement in judged:
        if judgement.query in row_of:
            found = ([row_of[p] for p in group if p in row_of] for group in (judgement.easy, judgement.hard, judgement.junk))
            kept.append(Judgement(row_of[judgement.query], *(tuple(group) for group in found)))
    return kept
