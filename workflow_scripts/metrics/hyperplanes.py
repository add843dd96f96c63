"""Hyperplane templates: a linear decision for each concept, learnt with hard negatives, all concepts of a category together.

Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1, section 3.5.1), in the protocol of Zhou et al.,
"Interpretable Basis Decomposition" (ECCV 2018, section 3.1): 20 negatives a positive in the pool, 2 a positive in a round. The
study names no optimiser: Adam is the default, because the lengths of its tokens differ by orders of magnitude, and the SGD of
the public code of Interpretable Basis Decomposition the second setting.

All is in float64, whatever the features are: of two negatives that are nearly as hard, rounding would choose one where a
concept is learnt alone and the other where it is learnt among all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.metrics.binary_scores import decision_counts

POOL, MINED = 20, 2  # negatives of a positive: in the pool, and in a round
ROUNDS, EPOCHS, BATCH = 5, 3, 128
LEARNING_RATES = {"adam": 1e-3, "sgd": 0.01}
_BETAS, _EPSILON = (0.9, 0.999), 1e-8
_ROWS = 1024  # features scored at once: in float64 they stay in the cache of a CPU
_KEPT_BYTES = {"cpu": 1 << 23, "cuda": 1 << 31}  # of the rows of the concepts that take steps together, if in float64


@dataclass(frozen=True)
class Examples:
    """What the template of one concept is learnt from.

    Attributes:
        seed: of the concept's draws; the same whichever concepts are learnt beside it.
        positives: [P] int64, ascending: the objects that have it, P at least 1.
        negatives: [N] int64, ascending: the pool, at most 20 P objects that have another concept of its category and not it.
    """

    seed: int
    positives: np.ndarray
    negatives: np.ndarray


@dataclass(frozen=True)
class Hyperplanes:
    """An object x has concept c if weight[c] . x + bias[c] > 0. weight: [C, D] float64; bias: [C] float64."""

    weight: np.ndarray
    bias: np.ndarray


def draw_examples(
    labels: np.ndarray,
    numbers: Sequence[int],
    seed: int,
    positives: Sequence[np.ndarray] | None = None,
    spread: np.ndarray | None = None,
) -> list[Examples]:
    """Return the positives and the pool of negatives of each concept of a category.

    Args:
        labels: [n, C] bool, which of the category's concepts each object has; with none it is no negative either.
        numbers: [C] what tells the concepts apart in the draws, not negative: the number that the dataset gives them.
        seed: of the draws.
        positives: of each concept the objects to learn it from, ascending; None: all that have it.
        spread: [n] bool, the objects that may be negatives; None: all.

    Raises:
        AtlasError: a concept has no positive or no negative.
    """
    labelled = labels.any(1) if spread is None else labels.any(1) & spread
    examples = []
    for place, (number, has) in enumerate(zip(numbers, labels.T, strict=True)):
        own, negatives = np.flatnonzero(has) if positives is None else positives[place], np.flatnonzero(labelled & ~has)
        if not (len(own) and len(negatives)):
            what = "object has it" if not len(own) else "object has only another of its category"
            raise AtlasError(f"hyperplanes: concept {number} cannot be learnt, no {what}; leave it out")
        draws = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        if len(negatives) > POOL * len(own):
            rng = np.random.default_rng([draws, 0])
            negatives = np.sort(rng.choice(negatives, POOL * len(own), replace=False))
        examples.append(Examples(draws, own, negatives))
    return examples


def hardest(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the `count` largest scores [N], ascending; of equal ones those that come first.

    With fewer than `count` scores all of them.
    """
    if count >= len(scores):
        return np.arange(len(scores))
    bar = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > bar)
    return np.sort(np.concatenate([above, np.flatnonzero(scores == bar)[: count - len(above)]]))


def fit_hyperplanes(
    features: np.ndarray,
    examples: Sequence[Examples],
    optimiser: str = "adam",
    rounds: int = ROUNDS,
    epochs: int = EPOCHS,
    device: str = "cpu",
) -> Hyperplanes:
    """Return the templates of all concepts, each as it would be if it were learnt alone, to rounding in float64.

    Weights and bias start at 0. The first round takes 2 P negatives of the pool at random, each later one the 2 P that the
    decision of the round before scores highest (`hardest`). A round is 3 epochs over these and the positives, shuffled each
    time, in batches of 128 (the last of an epoch may be smaller), of the mean logistic loss without weight decay. The state
    of Adam is carried from round to round. One matrix product a round scores all features for all concepts.

    Args:
        features: [n, D], half, single or double precision; read row by row, so it may be a memory map.
        examples: of each concept.
        optimiser: "adam" (1e-3) or "sgd" (0.01, no momentum).
        rounds: rounds of hard negatives, the first of random ones.
        epochs: epochs of a round.
        device: of the arithmetic, as PyTorch names it.

    Raises:
        AtlasError: a feature is not finite.
    """
    _require_finite(features)
    # Those of a similar number of rows take steps side by side, the largest first.
    order = np.argsort([-_rows_of_a_round(one) for one in examples], kind="stable")
    examples = [examples[place] for place in order]
    learner = _Learner(len(examples), features.shape[1], optimiser, torch.device(device))
    streams = [np.random.default_rng([one.seed, 1]) for one in examples]
    pooled = _Pools(examples)
    for turn in range(rounds):
        scores = pooled.scores(features, learner) if turn else None
        chosen = []
        for concept, (one, rng) in enumerate(zip(examples, streams, strict=True)):
            count = MINED * len(one.positives)
            if scores is None:
                places = rng.choice(len(one.negatives), min(count, len(one.negatives)), replace=False)
            else:
                places = hardest(scores[concept], count)
            chosen.append(one.negatives[np.sort(places)])
        _learn_round(features, examples, chosen, streams, epochs, learner)
    back = np.argsort(order)
    return Hyperplanes(learner.weight.cpu().numpy()[back], learner.bias.cpu().numpy()[back])


def hyperplane_counts(
    features: np.ndarray, labels: np.ndarray, planes: Hyperplanes, device: str = "cpu", lacks: np.ndarray | None = None
) -> np.ndarray:
    """Return the decisions' counts over all objects, [C, 4] (`binary_scores.decision_counts`); a score of 0 is negative.

    Args:
        features: [n, D].
        labels: [n, C] bool.
        planes: of the C concepts.
        device: as PyTorch names it.
        lacks: [n, C] bool, which objects count as not having each; None: those that have another.

    Raises:
        AtlasError: a feature is not finite.
    """
    _require_finite(features)
    weight, bias = (torch.from_numpy(part).to(device) for part in (planes.weight, planes.bias))
    counts = np.zeros((len(weight), 4), np.int64)
    for rows, scores in _scored(features, weight, bias):
        said = (scores > 0).T.cpu().numpy()
        counts += decision_counts(said, labels[rows], None if lacks is None else lacks[rows])
    return counts


class _Learner:
    """Weights, biases and the optimiser's state of all concepts; the bias is the last column of `parameters` [C, D + 1]."""

    def __init__(self, concepts: int, width: int, optimiser: str, device: torch.device) -> None:
        self.rate, self.adam = LEARNING_RATES[optimiser], optimiser == "adam"
        self.parameters = torch.zeros(concepts, width + 1, dtype=torch.float64, device=device)
        self.first, self.second = torch.zeros_like(self.parameters), torch.zeros_like(self.parameters)
        self.steps = torch.zeros(concepts, 1, dtype=torch.float64, device=device)

    @property
    def weight(self) -> Tensor:
        return self.parameters[:, :-1]

    @property
    def bias(self) -> Tensor:
        return self.parameters[:, -1]

    def step(self, concepts: slice, batch: Tensor, target: Tensor, share: Tensor) -> None:
        """Take one step for each of `concepts`: batch [A, B, D]; target, share [A, B], the share of an object in the mean."""
        parameters = self.parameters[concepts]
        # A row times a matrix: batched products with a column take seven times as long on a CPU.
        score = torch.bmm(parameters[:, None, :-1], batch.transpose(1, 2))[:, 0].add_(parameters[:, -1:])
        slope = score.sigmoid_().sub_(target).mul_(share)
        gradient = torch.cat([torch.bmm(slope[:, None], batch)[:, 0], slope.sum(1, keepdim=True)], 1)
        if not self.adam:
            parameters -= self.rate * gradient
            return
        steps = self.steps[concepts].add_(1)
        first = self.first[concepts].lerp_(gradient, 1 - _BETAS[0])
        second = self.second[concepts].mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
        root = (second / (1 - _BETAS[1] ** steps)).sqrt_().add_(_EPSILON)
        parameters.addcdiv_(first, root.mul_(1 - _BETAS[0] ** steps), value=-self.rate)


class _Pools:
    """The pools of all concepts as pairs (object, concept) in the order of the objects, so that scores are read in chunks."""

    def __init__(self, examples: Sequence[Examples]) -> None:
        rows = np.concatenate([one.negatives for one in examples])
        concepts = np.repeat(np.arange(len(examples)), [len(one.negatives) for one in examples])
        self.order = np.argsort(rows, kind="stable")
        self.rows, self.concepts = rows[self.order], concepts[self.order]
        self.ends = np.cumsum([len(one.negatives) for one in examples])

    def scores(self, features: np.ndarray, learner: _Learner) -> list[np.ndarray]:
        """Return the score of every negative, [N] of each concept."""
        found = np.empty(len(self.rows))
        for part, scores in _scored(features, learner.weight, learner.bias):
            first, last = np.searchsorted(self.rows, (part.start, part.stop))
            row, concept = self.rows[first:last] - part.start, self.concepts[first:last]
            found[self.order[first:last]] = scores.cpu().numpy()[concept, row]
        return np.split(found, self.ends[:-1])


class _Rows:
    """The features of a round of some concepts: from a copy of them, in their own precision, where that is small."""

    def __init__(self, features: np.ndarray, rows: np.ndarray, device: torch.device) -> None:
        self.features, self.rows = features, rows
        small = 8 * len(rows) * features.shape[1] <= _KEPT_BYTES[device.type]
        # Each row is in a batch of every epoch: the features, scattered and maybe on disk, are read once for all of them.
        self.kept = torch.from_numpy(features[rows]).to(device) if small else None
        # One place for all batches, as read and in float64: a new one each step costs as much as what is written to it.
        self.batch = torch.empty(0, dtype=self.kept.dtype, device=device) if small else None
        self.buffer = torch.empty(0, dtype=torch.float64, device=device)

    def read(self, places: Tensor) -> Tensor:
        """Return the features [A, B, D] float64 of places [A, B] in the rows, until it is called again."""
        size = (places.numel(), self.features.shape[1])
        if self.kept is None:
            batch = torch.from_numpy(self.features[self.rows[places.cpu().numpy().ravel()]])
        else:
            batch = torch.index_select(self.kept, 0, places.flatten(), out=self.batch.resize_(size))
        return self.buffer.resize_(size).copy_(batch).view(*places.shape, -1)


@dataclass(frozen=True)
class _Plan:
    """The batches of all epochs of a round of A concepts, S steps; the first concept takes the most steps.

    Attributes:
        places: [S, A, 128] int64, of a batch's objects in the rows of all A concepts.
        target: [S, A, 128] float64, whether they are positive.
        share: [S, A, 128] float64, of an object in the batch's mean; 0 where there is none.
        shapes: of each step, how many concepts take it, the first ones, and the size of their largest batch.
    """

    places: Tensor
    target: Tensor
    share: Tensor
    shapes: list[tuple[int, int]]


def _learn_round(
    features: np.ndarray,
    examples: Sequence[Examples],
    chosen: Sequence[np.ndarray],
    streams: Sequence[np.random.Generator],
    epochs: int,
    learner: _Learner,
) -> None:
    """Go over positives and chosen negatives; concepts side by side in groups whose rows fit, each at its own pace."""
    device = learner.parameters.device
    for group in _groups([8 * features.shape[1] * _rows_of_a_round(one) for one in examples], _KEPT_BYTES[device.type]):
        own = [np.concatenate([one.positives, more]) for one, more in zip(examples[group], chosen[group], strict=True)]
        plan = _plan([len(one.positives) for one in examples[group]], list(map(len, own)), streams[group], epochs, device)
        rows = _Rows(features, np.concatenate(own), device)
        for number, (concepts, size) in enumerate(plan.shapes):
            batch = rows.read(plan.places[number, :concepts, :size])
            taking = slice(group.start, group.start + concepts)
            learner.step(taking, batch, plan.target[number, :concepts, :size], plan.share[number, :concepts, :size])


def _rows_of_a_round(one: Examples) -> int:
    return len(one.positives) + min(MINED * len(one.positives), len(one.negatives))


def _groups(sizes: Sequence[int], most: int) -> Iterator[slice]:
    """Yield neighbours whose sizes, descending, add up to no more than `most`, padded to the first; a larger one is alone."""
    start = 0
    while start < len(sizes):
        stop = min(len(sizes), start + max(1, most // sizes[start]))
        yield slice(start, stop)
        start = stop


def _plan(
    positives: Sequence[int], rows: Sequence[int], streams: Sequence[np.random.Generator], epochs: int, device: torch.device
) -> _Plan:
    """Shuffle and cut into batches; of each of A concepts the number of its positives and of its rows, positives first."""
    places = np.zeros((len(rows), epochs * -(-rows[0] // BATCH), BATCH), np.int64)
    share = np.zeros(places.shape)
    starts = np.cumsum([0, *rows[:-1]])
    for concept, (count, rng) in enumerate(zip(rows, streams, strict=True)):
        batches = -(-count // BATCH)
        # Who is through takes no more steps; only an epoch's last batch may be smaller than 128.
        places[concept, : epochs * batches].reshape(epochs, -1)[:, :count] = [rng.permutation(count) for _ in range(epochs)]
        sizes = np.minimum(BATCH, count - BATCH * np.arange(batches))
        share[concept, : epochs * batches].reshape(epochs, -1)[:, :count] = np.repeat(1 / sizes, sizes)
    target = (places < np.array(positives)[:, None, None]).astype(np.float64)
    places += starts[:, None, None]
    filled = (share > 0).sum(2)
    shapes = zip((filled > 0).sum(0).tolist(), filled.max(0).tolist(), strict=True)
    tensors = (torch.from_numpy(part.swapaxes(0, 1).copy()).to(device) for part in (places, target, share))
    return _Plan(*tensors, list(shapes))


def _scored(features: np.ndarray, weight: Tensor, bias: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield (rows, their scores [C, rows])."""
    for start in range(0, len(features), _ROWS):
        rows = slice(start, min(start + _ROWS, len(features)))
        # In this order, not features times weights: on a CPU it takes two thirds of the time.
        chunk = torch.from_numpy(np.array(features[rows])).to(weight.device).double()
        yield rows, torch.addmm(bias[:, None], weight, chunk.T)


def _require_finite(features: np.ndarray) -> None:
    for start in range(0, len(features), _ROWS):
        finite = np.isfinite(features[start : start + _ROWS]).all(1)
        if not finite.all():
            raise AtlasError(
                f"hyperplanes: the features of object {start + int(np.argmin(finite))} are not finite; run that pass again in "
                "float32"
            )
