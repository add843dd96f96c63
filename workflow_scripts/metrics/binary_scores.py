"""Balanced scores of yes-no decisions, one decision for each concept: both classes weigh alike, however many objects each has.

Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1) says that all its binary metrics are balanced; the
formulas are the usual ones, written with rates in place of counts.
"""

from __future__ import annotations

import numpy as np

METRICS = ("accuracy", "precision", "recall", "f1")


def decision_counts(predicted: np.ndarray, labels: np.ndarray, lacks: np.ndarray | None = None) -> np.ndarray:
    """Return true positives, positives, false positives and negatives of each concept, [C, 4] int64.

    Counts of several parts of the objects may be added. An object without any label counts for no concept: it is not known to
    lack one (section 3.5.1: only objects with a label of the same category).

    Args:
        predicted: [n, C] bool, what was decided.
        labels: [n, C] bool, which of a category's concepts each object has.
        lacks: [n, C] bool, which objects count as not having each; None: those that have another.
    """
    if lacks is None:
        lacks = labels.any(1, keepdims=True) & ~labels
    return np.stack([part.sum(0) for part in (predicted & labels, labels, predicted & lacks, lacks)], 1)


def balanced_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return {"accuracy", "precision", "recall", "f1": [...] float64}, each in [0, 1].

    With TPR and FPR the shares of positives and of negatives that were said to be positive: accuracy (TPR + 1 - FPR) / 2,
    precision TPR / (TPR + FPR), recall TPR, F1 2 precision TPR / (precision + TPR); 0 where a denominator is 0, of a rate too.

    Args:
        counts: [..., 4], from `decision_counts`.
    """
    hits, positives, alarms, negatives = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    recall, alarm_rate = _ratio(hits, positives), _ratio(alarms, negatives)
    precision = _ratio(recall, recall + alarm_rate)
    f1 = _ratio(2 * precision * recall, precision + recall)
    return dict(zip(METRICS, ((recall + 1 - alarm_rate) / 2, precision, recall, f1), strict=True))


def macro_averages(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return each metric's mean over concepts, [...]: F1 is averaged over concepts, not made of the other two averages.

    Args:
        counts: [..., C, 4], C at least 1.
    """
    return {name: values.mean(-1) for name, values in balanced_scores(counts).items()}


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
