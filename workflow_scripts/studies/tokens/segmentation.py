"""Which token of patches, and which rule, tells patches of a concept from others of its category.

Kaltampanidis et al., "Which Direction to Choose?" (arXiv 2509.15272v1), sections 4.3 to 4.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.data.concept_choice import Choice, PatchConcepts, chosen_patches, labels_of
from workflow_scripts.onepass.stores import patches_per_image, stored_layers
from workflow_scripts.studies.passes import Passed, Passes
from workflow_scripts.studies.rows import Row
from workflow_scripts.studies.tokens.decisions import HYPERPLANE, ordered
from workflow_scripts.studies.tokens.learning import (
    LEAST_TEST,
    LEAST_TRAIN,
    OPTIMISERS,
    Category,
    Labelled,
    cosine_rows,
    example_rows,
    hyperplane_rows,
    learn_hyperplanes,
    left_out_row,
    try_cosines,
)
from workflow_scripts.studies.tokens.masks import Learnt, by_cosines, by_hyperplanes, masks
from workflow_scripts.studies.tokens.tokens import stored_facets

COLLECTOR = "concept_patches"


@dataclass(frozen=True)
class Stored:
    """The patches that a pass has kept, and what their concepts are called: names and categories by number, as text."""

    listed: PatchConcepts
    choice: Choice
    names: Mapping[str, str]
    categories: Mapping[str, list[str]]

    def place(self, number: int) -> int | None:
        """Return the place of a concept in the choice, None if no patch has it."""
        at = int(np.searchsorted(self.choice.concepts, number))
        return at if at < len(self.choice.concepts) and self.choice.concepts[at] == number else None

    def images(self, number: int) -> int:
        """Return how many images show a concept."""
        at = self.place(number)
        return 0 if at is None else int(self.choice.images[at])

    def labelled(self, numbers: list[int]) -> Labelled:
        """Return the patches kept one by one as objects of the concepts `numbers`."""
        examples = [self.choice.examples[self.place(number)] for number in numbers]
        return Labelled(labels_of(self.listed, self.choice, numbers), self.choice.image, examples, self.choice.spread)


def rows(passes: Passes, settings: Mapping[str, Any], seed: int, device: str) -> Iterator[Row]:
    """Yield scores by token, layer and rule, over all concepts, each category and each concept, and what they are learnt from.

    A concept counts in its first category. Concepts that too few images show are listed and left out. The templates of the last
    of the layers stay for the maps.
    """
    train, test = passes["train"], passes["test"]
    settings = {**settings, "supports": sorted(settings["supports"])}  # a support holds the smaller ones
    stored = [stored_patches(one, settings, split, seed) for one, split in ((train, "train"), (test, "test"))]
    categories, left_out = concepts(*stored, (train.dataset, test.dataset), seed)
    choice = stored[0].choice
    every = {one.name: [int(choice.patches[stored[0].place(number)]) for number in one.numbers] for one in categories}
    for row in (*left_out, *example_rows(categories, every)):
        yield row | {"dataset": train.dataset}
    learnt = Learnt(categories, {}, {})
    layers = stored_layers(settings["layers"], train.made["n_layers"])
    for facet in stored_facets(train, COLLECTOR):
        for place, layer in enumerate(layers):
            own = [one.mapped(COLLECTOR, facet)[:, place] for one in (train, test)]
            columns = {"layer": layer, "facet": facet, "dataset": test.dataset}
            for rule, optimiser in OPTIMISERS.items():
                found = [learn_hyperplanes(one, *own, optimiser, device) for one in categories]
                counts = [(one, decided) for one, (_, decided) in zip(categories, found, strict=True)]
                yield from hyperplane_rows(rule, counts, seed, columns)
                if rule == HYPERPLANE and layer == max(layers):
                    learnt.hyperplanes[facet] = [by_hyperplanes(*one) for one in found]
            tried = [(one, try_cosines(one, *own, settings)) for one in categories if one.asked.any()]
            yield from cosine_rows(tried, settings, seed, columns)
            if layer == max(layers):
                by_name = {one.name: counts for one, counts in tried}
                learnt.cosines[facet] = [by_cosines(one, own[0], by_name.get(one.name), settings) for one in categories]
    passes.kept["learnt"] = stored[1], layers.index(max(layers)), learnt


def maps(passes: Passes, settings: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return example images with true and predicted masks by the templates that `rows` has learnt (`masks.masks`)."""
    stored, place, learnt = passes.kept["learnt"]
    return masks(learnt, passes["test"], stored.listed, stored.choice, place, settings["whole_images"])


def stored_patches(passed: Passed, settings: Mapping[str, Any], split: str, seed: int) -> Stored:
    """Return the patches that a pass has kept; `split` is train or test."""
    arrays, words = passed.truth("concepts")
    labelled = PatchConcepts(arrays["concept_count"], arrays["concept"])
    each = patches_per_image(settings[f"{split}_patches"], *labelled.count.shape)
    whole = settings["whole_images"] if split == "test" else 0
    choice = chosen_patches(labelled, each, settings["patches_per_concept"], whole, seed)
    return Stored(labelled, choice, words["names"], words["categories"])


def concepts(train: Stored, test: Stored, datasets: tuple[str, str], seed: int) -> tuple[list[Category], list[Row]]:
    """Return the concepts of both splits by category, and a row for each that is left out.

    A concept is left out if fewer than 10 training or 5 test images show it, or no patch has only another of its category.

    Raises:
        AtlasError: none is left.
    """
    by_category: dict[str, list[int]] = {}
    left_out = []
    for number in sorted({*train.choice.concepts.tolist(), *test.choice.concepts.tolist()}):
        category, name = train.categories[str(number)][0], train.names[str(number)]
        shown = train.images(number), test.images(number)
        if shown[0] >= LEAST_TRAIN and shown[1] >= LEAST_TEST:
            by_category.setdefault(category, []).append(number)
        else:
            left_out.append(left_out_row(category, name, *shown))
    categories = []
    for category in ordered(set(by_category)):
        numbers = by_category[category]
        lacked = [(split.labelled(numbers).counted[1].any(0)) for split in (train, test)]
        kept = [number for number, *both in zip(numbers, *lacked, strict=True) if all(both)]
        left_out += [
            left_out_row(category, train.names[str(number)], train.images(number), test.images(number))
            for number in numbers
            if number not in kept
        ]
        if kept:
            names = [train.names[str(number)] for number in kept]
            categories.append(Category(category, names, kept, train.labelled(kept), test.labelled(kept), seed))
    if not categories:
        raise AtlasError(
            f"datasets '{datasets[0]}' and '{datasets[1]}': no concept is shown by {LEAST_TRAIN} training and {LEAST_TEST} "
            "test images beside others of its category; choose datasets with more images or concepts"
        )
    return categories, left_out
