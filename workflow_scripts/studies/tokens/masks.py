"""Patches that templates say to be of a concept, as masks of example images, for figures 15 and 16."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from workflow_scripts.data.concept_choice import Choice, PatchConcepts
from workflow_scripts.metrics.binary_scores import balanced_scores
from workflow_scripts.metrics.cosine_templates import Objects, cosine_templates
from workflow_scripts.metrics.hyperplanes import Hyperplanes
from workflow_scripts.studies.passes import Passed
from workflow_scripts.studies.tokens.learning import Category

_BEST_CONCEPTS = 5
_PICTURE = 112  # side of a kept image, in pixels


@dataclass(frozen=True)
class Templates:
    """What decides on the concepts of a category: "x . direction + bias > 0", or "cosine with the direction >= -bias".

    Attributes:
        direction: [C, D].
        bias: [C].
        cosine: whether features are scaled to length 1 first.
        f1: [C] on the test objects; NaN where there was no query.
    """

    direction: np.ndarray
    bias: np.ndarray
    cosine: bool
    f1: np.ndarray

    def decide(self, features: np.ndarray, concept: int) -> np.ndarray:
        """Return [n] bool, what is said of features [n, D]."""
        features = np.asarray(features, np.float64 if not self.cosine else np.float32)
        if not self.cosine:
            return features @ self.direction[concept] + self.bias[concept] > 0
        length = np.linalg.norm(features, axis=1)
        return features @ self.direction[concept] / np.where(length > 0, length, 1) >= -self.bias[concept]


@dataclass(frozen=True)
class Learnt:
    """The templates of one layer: by facet, and for each category in order."""

    categories: list[Category]
    hyperplanes: dict[str, list[Templates]]
    cosines: dict[str, list[Templates]]


def by_hyperplanes(planes: Hyperplanes, counts: np.ndarray) -> Templates:
    """Return the templates of a category with their F1 by the decisions' counts [C, 4]."""
    return Templates(planes.weight, planes.bias, False, balanced_scores(counts)["f1"])


def by_cosines(category: Category, train: np.ndarray, counts: np.ndarray | None, settings: Mapping[str, Any]) -> Templates:
    """Return the templates of a category's first trial, with their mean F1 over trials.

    Args:
        category: the concepts.
        train: [n, D] features of its training objects.
        counts: [trials, K, C', 4] of the concepts that are asked; None if none is.
        settings: supports and figure_support of the analysis.
    """
    supports, most = settings["supports"], settings["figure_support"]
    objects = Objects(train, category.train.labels, category.train.image)
    directions, thresholds = cosine_templates(objects, category.numbers, category.seed, most, supports)
    f1 = np.full(len(category.numbers), np.nan)
    if counts is not None:
        places = [place for place, support in enumerate(supports) if support <= most]
        for concept, own in zip(np.flatnonzero(category.asked).tolist(), np.moveaxis(counts, 2, 0), strict=True):
            reached = [place for place in places if own[0, place, 1]]
            if reached:
                f1[concept] = balanced_scores(own[:, reached[-1]])["f1"].mean()
    return Templates(directions, -thresholds, True, f1)


def masks(
    learnt: Learnt, test: Passed, listed: PatchConcepts, choice: Choice, layer: int, whole: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return example images with true and predicted masks of patches.

    Of every concept the test image with most patches of it: largest_image [C, h, w, 3] uint8, largest_truth and, for each rule
    and facet, largest_{rule}_{facet} [C, R, Q] bool. For each rule the concepts of highest F1 by the facet that is best on
    average, with the images of highest IoU among those kept whole: best_{rule}_image [K, M, h, w, 3], _truth and _mask
    [K, M, R, Q] bool, _iou [K, M], NaN where there are fewer images. Facts, JSON: concepts [[category, name], ...], image_ids,
    and best_{rule}: facet, concepts and image_ids.

    Args:
        learnt: the templates.
        test: the pass over the test images.
        listed: the concepts of all its patches.
        choice: those that were kept, and the images kept whole.
        layer: place of the templates' layer among those kept.
        whole: most images of a concept that are kept whole.
    """
    images = _Images(test, listed, choice, layer)
    every = [
        (category, at) for category in range(len(learnt.categories)) for at in range(len(learnt.categories[category].numbers))
    ]
    names = [[learnt.categories[c].name, learnt.categories[c].concepts[at]] for c, at in every]
    numbers = [learnt.categories[c].numbers[at] for c, at in every]
    largest = [choice.largest[place] for place in np.searchsorted(choice.concepts, numbers)]
    first = [int(most[0]) for most in largest]
    arrays = {
        "largest_image": np.stack([images.picture(image) for image in first]),
        "largest_truth": np.stack([images.truth(image, number) for image, number in zip(first, numbers, strict=True)]),
    }
    facts = {"concepts": json.dumps(names), "image_ids": json.dumps([images.id(image) for image in first])}
    for rule, by_facet in (("hyperplane", learnt.hyperplanes), ("cosine", learnt.cosines)):
        for facet, templates in by_facet.items():
            said = [images.said(image, facet, templates[c], at) for image, (c, at) in zip(first, every, strict=True)]
            arrays[f"largest_{rule}_{facet}"] = np.stack(said)
        f1 = {facet: np.concatenate([one.f1 for one in templates]) for facet, templates in by_facet.items()}
        if all(np.isnan(values).all() for values in f1.values()):
            continue
        facet = max(f1, key=lambda one: np.nanmean(f1[one]))
        best = np.argsort(-np.nan_to_num(f1[facet], nan=-1), kind="stable")[:_BEST_CONCEPTS].tolist()
        best = [place for place in best if not np.isnan(f1[facet][place])]
        found, ids = [], []
        for place in best:
            c, at = every[place]
            shown = [images.compared(i, facet, by_facet[facet][c], at, numbers[place]) for i in largest[place].tolist()]
            shown = sorted(shown, key=lambda one: -one.iou)
            found.append(shown + [_blank(shown[0])] * (whole - len(shown)))
            ids.append([one.id for one in shown])
        for part in ("image", "truth", "mask", "iou"):
            arrays[f"best_{rule}_{part}"] = np.array([[getattr(one, part) for one in row] for row in found])
        facts[f"best_{rule}"] = json.dumps({"facet": facet, "concepts": [names[place] for place in best], "image_ids": ids})
    return arrays, facts


@dataclass(frozen=True)
class _Compared:
    id: str
    image: np.ndarray
    truth: np.ndarray
    mask: np.ndarray
    iou: float


def _blank(like: _Compared) -> _Compared:
    return _Compared("", np.zeros_like(like.image), np.zeros_like(like.truth), np.zeros_like(like.mask), np.nan)


class _Images:
    """Test images that were kept whole."""

    def __init__(self, test: Passed, listed: PatchConcepts, choice: Choice, layer: int) -> None:
        self.test, self.listed, self.choice, self.layer = test, listed, choice, layer

    def id(self, image: int) -> str:
        return str(self.test.samples["id"].iloc[image])

    def picture(self, image: int) -> np.ndarray:
        crop = self.test.crops(image, image + 1)[0]
        side = max(crop.shape[:2])
        if side <= _PICTURE:
            return crop
        size = tuple(round(length * _PICTURE / side) for length in reversed(crop.shape[:2]))
        return np.asarray(Image.fromarray(crop).resize(size, Image.Resampling.BOX))

    def truth(self, image: int, number: int) -> np.ndarray:
        return self.listed.patches_with(image, number).reshape(self.test.grid)

    def said(self, image: int, facet: str, templates: Templates, concept: int) -> np.ndarray:
        place = int(np.searchsorted(self.choice.whole, image))
        features = self.test.mapped("concept_patches", f"whole_{facet}")[place, self.layer]
        return templates.decide(features, concept).reshape(self.test.grid)

    def compared(self, image: int, facet: str, templates: Templates, concept: int, number: int) -> _Compared:
        truth, mask = self.truth(image, number), self.said(image, facet, templates, concept)
        iou = float((truth & mask).sum() / (truth | mask).sum())
        return _Compared(self.id(image), self.picture(image), truth, mask, iou)
