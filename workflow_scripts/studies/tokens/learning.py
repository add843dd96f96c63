"""Both rules on one token of one category of concepts, and the rows of their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workflow_scripts.metrics.binary_scores import METRICS, balanced_scores
from workflow_scripts.metrics.cosine_templates import Objects, cosine_counts
from workflow_scripts.metrics.hyperplanes import Examples, Hyperplanes, draw_examples, fit_hyperplanes, hyperplane_counts
from workflow_scripts.metrics.intervals import bootstrap_means
from workflow_scripts.studies.rows import Row
from workflow_scripts.studies.tokens.decisions import (
    CONCEPT,
    EXAMPLES,
    HYPERPLANE,
    LEFT_OUT,
    NOT_ASKED,
    SGD,
    SPREAD,
    cosine,
    setting,
)

OPTIMISERS = {HYPERPLANE: "adam", SGD: "sgd"}
LEAST_TRAIN, LEAST_TEST = 10, 5  # images of a concept


@dataclass(frozen=True)
class Labelled:
    """The objects of a split for one category: images in classification, patches in segmentation.

    Attributes:
        labels: [n, C] bool, which of the category's concepts each has.
        image: [n] int64, ascending.
        examples: of each concept the objects that stand for all that have it, each with the same chance; ascending.
        spread: [n] bool, the objects that stand for all of the split.
    """

    labels: np.ndarray
    image: np.ndarray
    examples: list[np.ndarray]
    spread: np.ndarray

    @classmethod
    def whole(cls, labels: np.ndarray) -> Labelled:
        """Return a split of images all of which are there."""
        examples = [np.flatnonzero(has) for has in labels.T]
        return cls(labels, np.arange(len(labels)), examples, np.ones(len(labels), bool))

    @cached_property
    def counted(self) -> tuple[np.ndarray, np.ndarray]:
        """[n, C] bool twice: the objects that count as having each concept, and as lacking it, when decisions are scored."""
        has = np.zeros_like(self.labels)
        for place, rows in enumerate(self.examples):
            has[rows, place] = True
        return has, (self.labels.any(1) & self.spread)[:, None] & ~self.labels


@dataclass(frozen=True)
class Category:
    """One category's concepts, in both splits.

    Attributes:
        name: of the category.
        concepts: names of the C concepts.
        numbers: [C] what tells them apart in draws.
        train, test: its objects.
        seed: of all draws.
    """

    name: str
    concepts: list[str]
    numbers: list[int]
    train: Labelled
    test: Labelled
    seed: int

    @cached_property
    def examples(self) -> list[Examples]:
        """What hyperplanes are learnt from: the same for all tokens and optimisers."""
        own = self.train
        return draw_examples(own.labels, self.numbers, self.seed, own.examples, own.spread)

    @cached_property
    def asked(self) -> np.ndarray:
        """[C] bool: the concepts that a test image shows and another lacks, without which there is no balanced query."""
        labels, image = self.test.labels, self.test.image
        first = np.flatnonzero(np.diff(image, prepend=-1))
        shown = np.logical_or.reduceat(labels, first, axis=0)[np.logical_or.reduceat(labels.any(1), first)]
        return shown.any(0) & ~shown.all(0)


def learn_hyperplanes(
    category: Category, train: np.ndarray, test: np.ndarray, optimiser: str, device: str
) -> tuple[Hyperplanes, np.ndarray]:
    """Return the hyperplanes of a category's concepts and their decisions' counts on the test objects, [C, 4].

    Args:
        category: the concepts.
        train: [n, D] features of its training objects.
        test: [m, D] features of its test objects.
        optimiser: "adam" or "sgd".
        device: of the arithmetic.
    """
    planes = fit_hyperplanes(train, category.examples, optimiser, device=device)
    has, lacks = category.test.counted
    return planes, hyperplane_counts(test, has, planes, device, lacks)


def try_cosines(category: Category, train: np.ndarray, test: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return the counts of cosine decisions, [trials, K, C', 4], of the C' concepts of the category that are `asked`.

    Args:
        category: the concepts.
        train: [n, D] features of its training objects.
        test: [m, D] features of its test objects.
        settings: supports, trials and query_images of the analysis.
    """
    asked = category.asked
    splits = [
        Objects(features, split.labels, split.image) for features, split in ((train, category.train), (test, category.test))
    ]
    numbers, places = np.array(category.numbers)[asked].tolist(), np.flatnonzero(asked).tolist()
    sizes = {key: settings[name] for key, name in (("supports", "supports"), ("trials", "trials"), ("queries", "query_images"))}
    return cosine_counts(*splits, numbers, category.seed, columns=places, **sizes)


@dataclass(frozen=True)
class Scores:
    """The scores of a category's concepts by one rule.

    Attributes:
        category: its name.
        concepts: names of the C concepts.
        values: metric -> [C], or [trials, C] by the cosine rule.
    """

    category: str
    concepts: list[str]
    values: dict[str, np.ndarray]


def hyperplane_rows(rule: str, found: Sequence[tuple[Category, np.ndarray]], seed: int, columns: Row) -> Iterator[Row]:
    """Yield the rows of one token by a hyperplane rule.

    Args:
        rule: its name.
        found: each category with its counts [C, 4].
        seed: of the intervals.
        columns: what all rows share.
    """
    scores = [Scores(one.name, one.concepts, balanced_scores(counts)) for one, counts in found]
    yield from _rows(rule, scores, seed, columns, concepts=True)


def cosine_rows(
    found: Sequence[tuple[Category, np.ndarray]], settings: Mapping[str, Any], seed: int, columns: Row
) -> Iterator[Row]:
    """Yield the rows of one token by the cosine rule, for each number of images that enough training images reach.

    Args:
        found: each category with its counts [trials, K, C', 4].
        settings: supports and figure_support of the analysis.
        seed: of the intervals.
        columns: what all rows share.
    """
    reached = [k for place, k in enumerate(settings["supports"]) if any(c[0, place, :, 1].any() for _, c in found)]
    shown = max((k for k in reached if k <= settings["figure_support"]), default=None)
    for place, support in enumerate(settings["supports"]):
        scores = []
        for one, counts in found:
            names = [name for name, asked in zip(one.concepts, one.asked, strict=True) if asked]
            kept = counts[0, place, :, 1] > 0
            if kept.any():
                own = [name for name, is_kept in zip(names, kept, strict=True) if is_kept]
                scores.append(Scores(one.name, own, balanced_scores(counts[:, place, kept])))
        if scores:
            yield from _rows(cosine(support), scores, seed, columns, concepts=support == shown)


def example_rows(categories: Sequence[Category], all_examples: Mapping[str, Sequence[int]]) -> Iterator[Row]:
    """Yield how many training objects have each concept, and of how many of them its templates are learnt.

    Args:
        categories: of the run.
        all_examples: category -> of each of its concepts, the objects that have it.
    """
    for one in categories:
        for name, rows, every in zip(one.concepts, one.train.examples, all_examples[one.name], strict=True):
            yield {
                "metric": EXAMPLES,
                "setting": setting(one.name, name),
                "value": float(every),
                "n": len(rows),
                "unit": "count",
            }
        for name, asked in zip(one.concepts, one.asked, strict=True):
            if not asked:
                yield {"metric": NOT_ASKED, "setting": setting(one.name, name), "value": 0.0, "unit": "count"}


def left_out_row(category: str, concept: str, train: int, test: int) -> Row:
    """Return the row of a concept that no template is learnt of: so many training and test images show it."""
    return {"metric": LEFT_OUT, "setting": setting(category, concept), "value": float(train), "n": test, "unit": "count"}


def _rows(rule: str, scores: Sequence[Scores], seed: int, columns: Row, concepts: bool) -> Iterator[Row]:
    """Yield means over all concepts and over those of each category, with intervals over concepts, and single concepts."""
    share = {**columns, "unit": "share", "higher_is_better": True}
    for metric in METRICS:
        groups = [("", np.concatenate([one.values[metric] for one in scores], -1))]
        groups += [(one.category, one.values[metric]) for one in scores]
        for category, values in groups:
            by_concept = values.mean(0) if values.ndim == 2 else values
            low, high = bootstrap_means(by_concept, seed=seed)
            text, size = setting(rule, category), len(by_concept)
            ends = {"ci_low": float(low), "ci_high": float(high)}
            yield {"metric": metric, "setting": text, "value": float(by_concept.mean()), "n": size, **ends, **share}
            if values.ndim == 2:
                yield {"metric": f"{metric}{SPREAD}", "setting": text, "value": float(values.mean(1).std()), "n": size, **share}
        for one in scores if concepts else ():
            by_concept = one.values[metric]
            by_concept = by_concept.mean(0) if by_concept.ndim == 2 else by_concept
            for name, value in zip(one.concepts, by_concept.tolist(), strict=True):
                yield {"metric": f"{CONCEPT}{metric}", "setting": setting(rule, one.category, name), "value": value, **share}
